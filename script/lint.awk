# The text rules of script/lint for C files. What is code, comment and string is told apart by a
# walk over the characters of those lines that need it; the shape of a definition (a "{" and a "}"
# in the first column) is what clang-format makes of it.

function report(line, rule, what) {
	print FILENAME ":" line ": " rule (what == "" ? "" : ": " what)
}

# code: the line without comments and with empty strings; texts: its strings; has_comment.
function split_line(line,    i, c, n, two) {
	if (!in_comment && line !~ /["']|\/\*|\/\//) {
		code = line; texts = ""; has_comment = 0
		return
	}
	code = ""; texts = ""; has_comment = in_comment
	n = length(line)
	for (i = 1; i <= n; i++) {
		c = substr(line, i, 1)
		two = substr(line, i, 2)
		if (in_comment) {
			if (two == "*/") { in_comment = 0; i++ }
		} else if (two == "/*") {
			in_comment = has_comment = 1; i++
		} else if (two == "//") {
			has_comment = 1
			break
		} else if (c == "\"" || c == "'") {
			i = skip_quoted(line, i, n, c)
		} else {
			code = code c
		}
	}
	if (in_comment)
		has_comment = 1
}

function skip_quoted(line, i, n, quote,    from) {
	from = i + 1
	for (i++; i <= n && substr(line, i, 1) != quote; i++)
		if (substr(line, i, 1) == "\\")
			i++
	if (quote == "\"")
		texts = texts " " substr(line, from, i - from)
	code = code quote quote
	return i
}

# Characters, not bytes (UTF-8; awk runs with LC_ALL=C).
function columns(line) {
	gsub(/[\200-\277]/, "", line)
	return length(line)
}

function read_deps(    line, part) {
	while ((getline line < "deps") > 0) {
		if (line ~ /^#/ || line !~ /:/)
			continue
		part = line
		sub(/:.*/, "", part)
		sub(/^[^:]*:/, "", line)
		allowed[part] = " " line " " part " "
	}
	close("deps")
}

function read_exports(    rows, n, i, words, m, j) {
	n = split(exports, rows, "\n")
	for (i = 1; i <= n; i++) {
		m = split(rows[i], words, " ")
		for (j = 2; j <= m; j++)
			granted[words[1]] = granted[words[1]] " " words[j]
	}
}

BEGIN {
	read_deps()
	read_exports()
	secret = "(secret|digest|password|passwd|hmac|master|pepper|signature|secret_hash|api_key)"
}

function start_file(    n, i) {
	if (previous != "")
		end_file()
	previous = FILENAME
	in_src = FILENAME ~ /^src\//
	is_header = FILENAME ~ /\.h$/
	n = split(FILENAME, path, "/")
	part = in_src ? (n > 2 ? path[2] : "main") : ""
	folder = path[n - 1]
	sub_part = (in_src && part == "oauth" && n > 3) ? path[3] : ""
	base = path[n]
	sub(/\.[ch]$/, "", base)
	in_comment = in_function = paragraph_comment = 0
	paragraph_first = 0
	signature = ""
	struct_depth = 0
}

function end_file() {
	if (lines > 800)
		print previous ":" lines ": file-length: " lines " lines, at most 800"
	end_paragraph()
}

# A header's declarations stand in paragraphs; each paragraph says what it declares.
function end_paragraph() {
	if (paragraph_first && !paragraph_comment && !one_of_group)
		print previous ":" paragraph_first ": header-comment: no comment on this declaration"
	paragraph_first = paragraph_comment = 0
}

function check_include(name,    target, rest) {
	if (name ~ /^</) {
		check_library(name)
		return
	}
	if (!in_src || name !~ /\//)
		return
	target = name
	gsub(/"/, "", target)
	rest = target
	sub(/\/.*/, "", target)
	sub(/^[^\/]*\//, "", rest)
	if (part != "main" && (target in allowed) && index(allowed[part], " " target " ") == 0)
		report(FNR, "include-direction", part " may not include " target " (deps)")
	if (part == "oauth" && target == "oauth")
		check_oauth(rest)
}

# Inside oauth/, endpoint uses check, grant, client_auth and token; nothing goes the other way.
function check_oauth(rest,    target) {
	if (rest !~ /\// || sub_part == "")
		return
	target = rest
	sub(/\/.*/, "", target)
	if (target == "endpoint" && sub_part != "endpoint")
		report(FNR, "include-direction", "oauth/" sub_part " may not include oauth/endpoint")
	if (target == "grant" && sub_part == "grant" && base !~ /^grant/ && rest !~ /^grant\/grant/ &&
	    rest != "grant/" base ".h")
		report(FNR, "include-direction", "a grant may not include another")
}

function check_library(name) {
	if (!in_src)
		return
	if (name ~ /^<openssl\// && part != "crypto" && FILENAME != "src/net/tls.c")
		report(FNR, "library-header", name " belongs to crypto/ and net/tls.c")
	if (name ~ /^<(argon2|crypt)\.h>/ && part != "crypto")
		report(FNR, "library-header", name " belongs to crypto/")
	if (name ~ /^<sqlite3/ && FILENAME != "src/db/sqlite.c")
		report(FNR, "library-header", name " belongs to db/sqlite.c")
	if (name ~ /^<(libpq|postgresql\/)/ && FILENAME !~ /^src\/db\/postgres[_a-z]*\.[ch]$/)
		report(FNR, "library-header", name " belongs to db/postgres*.[ch]")
	if (name ~ /^<jansson/ && part != "codec")
		report(FNR, "library-header", name " belongs to codec/")
	if (name ~ /^<seccomp/ && FILENAME != "src/sandbox/filter.c")
		report(FNR, "library-header", name " belongs to sandbox/filter.c")
	if (name ~ /^<yaml\.h>/ && part != "config")
		report(FNR, "library-header", name " belongs to config/")
	if (name ~ /^<(sys\/socket|sys\/epoll|sys\/un|sys\/eventfd|netinet\/.*|netdb)\.h>/ &&
	    part != "net" && FILENAME !~ /^src\/cmd\/serve_(notify|outbound|signer|supervisor)\.c$/ &&
	    FILENAME != "src/sandbox/calls.c")
		report(FNR, "library-header", name " belongs to net/ and to what processes say to each other (cmd/serve_*)")
}

function check_calls(    rest, name, args) {
	rest = code
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ ]*\(/)) {
		name = substr(rest, RSTART, RLENGTH - 1)
		sub(/ +$/, "", name)
		args = substr(rest, RSTART + RLENGTH)
		if (RSTART > 1 && substr(rest, RSTART - 1, 1) ~ /[.>]/) {
			rest = args
			continue
		}
		if (name ~ /^(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|strtok_r|gets|atoi|atol|atoll|localtime|localtime_r|rand|srand|random|alloca|tmpnam|mktemp)$/ ||
		    (in_src && name ~ /^(system|popen)$/))
			report(FNR, "banned-function", name)
		if (in_src && FILENAME != "src/base/clock.c" &&
		    name ~ /^(time|gettimeofday|clock_gettime|gmtime|gmtime_r|ftime|timespec_get)$/)
			report(FNR, "clock", name "() outside base/clock.c")
		if (in_src && name ~ /^(memcmp|strcmp|strncmp|strcasecmp|str_eq|str_cmp|str_eq_nocase)$/)
			check_compare(name, args)
		rest = args
	}
}

# Only up to the closing parenthesis: what is compared. A literal beside a name is no secret test.
function check_compare(name, args,    i, depth, c, n) {
	depth = 1
	n = length(args)
	for (i = 1; i <= n && depth > 0; i++) {
		c = substr(args, i, 1)
		depth += (c == "(") - (c == ")")
	}
	args = substr(args, 1, i - 1)
	if (tolower(args) ~ secret && args !~ /STR\(""\)|, ""/)
		report(FNR, "secret-compare", name "() on a secret; use base/ct.h")
}

function export_ok(name,    words, n, i, w) {
	if (name == "main" || name == base || name == base "s" || index(name, base "_") == 1 ||
	    index(name, folder "_" base) == 1)
		return 1
	if (base == folder && index(name, folder) == 1)
		return 1
	n = split(granted[FILENAME], words, " ")
	for (i = 1; i <= n; i++) {
		w = words[i]
		if (name == w || (w ~ /_$/ && index(name, w) == 1))
			return 1
	}
	return 0
}

function check_export(line, text,    name) {
	if (!in_src || is_header || text ~ /^(static|extern|typedef|_Static_assert)/ || text ~ /[ *]main\(/)
		return
	name = text
	sub(/__attribute__ *\(\(.*\)\) */, "", name)
	if (name ~ /=/ && (name !~ /\(/ || index(name, "=") < index(name, "("))) {
		sub(/ *=.*/, "", name)
		sub(/\[.*/, "", name)
	} else if (name ~ /\(/) {
		sub(/\(.*/, "", name)
	} else {
		sub(/;.*/, "", name)
		sub(/\[.*/, "", name)
	}
	sub(/ +$/, "", name)
	sub(/^.*[ *]/, "", name)
	if (!export_ok(name))
		report(line, "export-name", name " does not begin with " base "_ (make it static, or rename)")
}

# Follows definitions at the top level.
function follow(    opens) {
	if (in_function) {
		if ($0 ~ /^}/) {
			if (FNR - function_line + 1 > 80)
				report(function_line, "function-length", FNR - function_line + 1 " lines, at most 80")
			in_function = 0
			signature = ""
		}
		return
	}
	if (struct_depth) {
		if (code ~ /^}/)
			struct_depth = 0
		return
	}
	if (code == "{") {
		in_function = 1
		function_line = signature_line
		check_export(signature_line, signature)
		return
	}
	if (code ~ /^#/ || code ~ /^ *$/ || (continued && code ~ /^[ \t]/)) {
		if (code ~ /^ *$/ && signature !~ /\($|,$/)
			signature = ""
		return
	}
	if (code ~ /^[A-Za-z_]/) {
		signature = code
		signature_line = FNR
	} else if (signature != "") {
		signature = signature " " code
	}
	if (code ~ /\{$/ && code ~ /^[A-Za-z_]/) {
		struct_depth = 1
		if (code ~ /=/)
			check_export(FNR, code)
		signature = ""
		return
	}
	if (signature ~ /;$/) {
		if (signature !~ /\(/ || signature ~ /=/)
			if (signature !~ /^(struct|enum|union)( [a-z_0-9]+)?( \{.*\})?;$/)
				check_export(signature_line, signature)
		signature = ""
	}
}

function follow_header() {
	if ($0 ~ /^[ \t]*$/ || $0 ~ /^#/) {
		end_paragraph()
		return
	}
	if (has_comment)
		paragraph_comment = 1
	if (code ~ /^[A-Za-z_][A-Za-z0-9_ *]*[ *][a-z0-9_]+\(/ && code !~ /^(static|typedef|X)/ &&
	    !paragraph_first)
		paragraph_first = FNR
}

FNR == 1 {
	start_file()
	if (in_src && !is_header && $0 !~ /^\/\*/)
		report(1, "file-comment", "a file opens with a comment that says what it implements")
}

{
	lines = FNR
	split_line($0)
	if (length($0) > 100 && columns($0) > 100)
		report(FNR, "line-length", columns($0) " columns, at most 100")
	if ($0 ~ /[ \t]$/)
		report(FNR, "trailing-space")
	if ($0 ~ /^#[ \t]*include/) {
		name = $0
		sub(/^#[ \t]*include[ \t]*/, "", name)
		sub(/[ \t]*(\/\*.*)?$/, "", name)
		check_include(name)
	} else if (code ~ /\(/) {
		check_calls()
	}
	if (in_src && part != "store" && part != "db" && texts ~ /(^| )(SELECT [a-z*$(]|INSERT INTO |INSERT OR |UPDATE [a-z_]+ SET |DELETE FROM |CREATE (TABLE|INDEX|UNIQUE)|BEGIN IMMEDIATE|SAVEPOINT )/)
		report(FNR, "sql", "SQL lives in store/ and db/")
	if (in_src && is_header)
		follow_header()
	follow()
	continued = $0 ~ /\\$/
}

END {
	if (previous != "")
		end_file()
}
