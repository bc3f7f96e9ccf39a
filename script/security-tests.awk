# Finds the numbers of security.md in tests (script/gen-security-tests). Prints NUMBER, file and the
# title of the test, if there is one, separated by tabs. They stand as "security.md 22, 27-29" in a
# title or a comment, which may go on in the next line; in a file that says security.md at its top
# also as "... (22, A16)" at the end of a title; and as the front of a C test's name, s22_...

function title_of(line,    t) {
	if (match(line, /(test|it|describe)\([ ]*['"`][^'"`]*/)) {
		t = substr(line, RSTART, RLENGTH)
		sub(/^[a-z]*\([ ]*['"`]/, "", t)
		sub(/^security\.md [-A0-9a-h, ;]*[0-9a-h]: */, "", t)
		return t
	}
	if (match(line, /^static void [a-z_0-9]+\(void \*\*/)) {
		t = substr(line, 13, RLENGTH - 12)
		sub(/\(.*/, "", t)
		gsub(/_/, " ", t)
		return t
	}
	return ""
}

function put(id, line) { print id "\t" FILENAME "\t" line }

# 7 -> 7; 5-7 -> 5 6 7; A13-A15 -> A13 A14 A15; 43 to 45. A letter behind a number (1c) is a chapter.
function numbers(list, title,    n, parts, i, p, a, b, prefix) {
	gsub(/ to /, "-", list)
	gsub(/ and /, ",", list)
	n = split(list, parts, /[,;][ ]*/)
	for (i = 1; i <= n; i++) {
		p = parts[i]
		gsub(/[ .:]/, "", p)
		if (p ~ /^[0-9]+[a-i]$/ || p == "") continue
		if (p !~ /^A?[0-9]+(-A?[0-9]+)?$/) continue
		prefix = p ~ /^A/ ? "A" : ""
		a = p; sub(/-.*/, "", a); sub(/^A/, "", a)
		b = p; sub(/.*-/, "", b); sub(/^A/, "", b)
		for (a += 0; a <= b + 0; a++) put(prefix a, title)
	}
}

function take(line, title,    rest) {
	while (match(line, /security\.md [A0-9][-A0-9a-i, ;]*((and|to) A?[0-9][-A0-9, ;]*)?/)) {
		rest = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		sub(/^security\.md /, "", rest)
		numbers(rest, title)
	}
}

FNR == 1 { current = ""; pending = ""; open_list = ""; says = 0 }
FNR < 15 && /security\.md/ { says = 1 }

{
	text = $0
	t = title_of(text)
	if (t != "") {
		if (match(t, /^s[0-9]+ /)) {
			id = substr(t, 2, RLENGTH - 2)
			sub(/^s[0-9]+ /, "", t)
			put(id, t)
		}
		if (says && match(t, / \([A0-9][-A0-9, ]*\)$/)) {
			list = substr(t, RSTART + 2, RLENGTH - 3)
			t = substr(t, 1, RSTART - 1)
			numbers(list, t)
		}
		current = t
		if (pending != "") { take(pending, t); pending = "" }
	}
	# A list that its comment carries on in the next line.
	if (open_list != "") {
		more = text
		sub(/^[ \t]*(\*|\/\/)[ \t]*/, "", more)
		text = open_list " " more
		open_list = ""
	}
	if (text ~ /security\.md [-A0-9a-i, ;to]*,[ ]*$/ || text ~ /security\.md$/) { open_list = text; next }
	if (text !~ /security\.md /) next
	if (t != "") { take(text, t); next }
	# In a comment at the margin: of the test that follows, or, at the top of a file, of the file.
	if (text ~ /^(\/\/|\/\*| \*|#)/ || text ~ /^  *\*/) {
		if (current == "" && FNR < 15) take(text, "")
		else pending = pending " " text
		next
	}
	take(text, current)
}
