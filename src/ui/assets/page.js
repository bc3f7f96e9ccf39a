// What the pages gain with JavaScript; each works without it.
'use strict';

// form_post: on to the application at once. Without a script, the button does it.
const auto = document.querySelector('form[data-auto]');
if (auto) auto.submit();

// A button that shows what is typed into a password field, hidden again before it is sent.
for (const button of document.querySelectorAll('button.reveal')) {
  const field = document.getElementById(button.getAttribute('aria-controls'));
  const set = (shown) => {
    field.type = shown ? 'text' : 'password';
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute('aria-pressed', String(shown));
  };
  button.setAttribute('aria-label', button.dataset.name);
  button.hidden = false;
  button.addEventListener('click', () => {
    set(field.type === 'password');
    field.focus();
  });
  field.form.addEventListener('submit', () => set(false));
}

// One press, one request: a second press while the first is on its way does nothing. The button is
// not disabled, or its name and value would not be sent.
for (const form of document.querySelectorAll('form')) {
  let sent = false;
  form.addEventListener('submit', (event) => {
    if (sent) event.preventDefault();
    sent = true;
    document.body.setAttribute('aria-busy', 'true');
  });
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return; // not back again: the first load ends with it, too
    sent = false;
    document.body.removeAttribute('aria-busy');
  });
}

// Times as the reader writes them.
for (const time of document.querySelectorAll('time[datetime]')) {
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang,
    { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time.dateTime));
}
