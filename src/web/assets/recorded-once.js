// Going back after recording asks for the address of the form again, which then shows what was recorded: without this, the
// browser would ask whether to send the form a second time.
export function recordedOnce(form) {
  form.addEventListener('submit', () => history.replaceState(null, '', location.href))
}
