// The app's pages: one layout, and a table of claims. Everything from outside goes through escape().

const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// `intro` and `more` are HTML of this app; `said` is text from elsewhere.
export function page(title, intro, more = '', said = '') {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Express Demo</title>
<link rel="stylesheet" href="/app.css">
</head>
<body>
<header><a href="/">Express Demo</a></header>
<main>
<h1>${escape(title)}</h1>
${said && `<p class="said">${escape(said)}</p>`}
${intro}
${more}
</main>
</body>
</html>
`;
}

export function claimsTable(claims) {
  const rows = Object.entries(claims).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `<tr><th scope="row">${escape(name)}</th><td>${escape(text)}</td></tr>`;
  });
  return `<table><caption>Claims</caption><tbody>${rows.join('')}</tbody></table>`;
}
