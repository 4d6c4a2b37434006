// Judging pairs: the page of one rater, the pages of a class that joins with a code, and the teacher's page.
import { element } from "./core/dom.js";
import { judging } from "./judge/rater.js";
import { ask } from "./judge/server.js";
import { teaching } from "./judge/teacher.js";

/** What the page calls. */
export function open() {
  const values = JSON.parse(document.getElementById("rmlab-state").textContent);
  const root = document.getElementById("rmlab-explorer");
  root.classList.add("rx");
  const panel = element("section", { class: "rx-panel" });
  root.replaceChildren(panel);
  if (values.role === "teacher") return teaching(panel, values);
  if (values.role === "rater") return judging(panel, { ask });
  return joining(panel);
}

function allowed(storage) {
  try {
    return storage();
  } catch {
    return null; // storage is turned off or full, or holds something else: the page works without it
  }
}

/** Ask for code and name, filled in with those of an earlier visit. */
function joining(panel) {
  const kept = allowed(() => JSON.parse(localStorage.getItem("rmlab-judge"))) ?? {};
  const code = element("input", { type: "text", id: "rx-code", required: true, maxlength: 12, autocomplete: "off", autocapitalize: "characters", class: "rx-entry" });
  const name = element("input", { type: "text", id: "rx-name", required: true, maxlength: 40, autocomplete: "nickname", class: "rx-entry" });
  const error = element("p", { class: "rx-error", role: "alert", hidden: true });
  const linked = () => { code.value = location.hash.slice(1) || (kept.code ?? ""); };
  addEventListener("hashchange", linked); // a link of another class that is opened in this tab
  linked();
  name.value = kept.rater ?? "";
  async function join(event) {
    event.preventDefault();
    error.hidden = true;
    const mine = kept.rater === name.value.trim() ? { session: kept.session } : {};
    const asked = { code: code.value, rater: name.value, ...mine };
    try {
      const view = await ask("join", asked);
      const known = { code: asked.code, rater: view.rater, session: view.session };
      allowed(() => localStorage.setItem("rmlab-judge", JSON.stringify(known)));
      judging(panel, { ask, known, view });
    } catch (failure) {
      error.textContent = failure.status ? `${failure.message}.` : "The server does not answer. Are you on the same network?";
      error.hidden = false;
    }
  }
  panel.replaceChildren(
    element("form", { class: "rx-card rx-join", onSubmit: join },
      error,
      element("p", { class: "rx-field" }, element("label", { for: "rx-code", text: "Code" }), code),
      element("p", { class: "rx-field" }, element("label", { for: "rx-name", text: "Your name" }), name),
      element("p", { class: "rx-quiet", text: "The name is kept with your labels. It can be anything, such as a nickname or a number." }),
      element("button", { type: "submit", class: "rx-button", text: "Join" })));
  (code.value ? name : code).focus();
}
