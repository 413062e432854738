// Says aloud what changed, and of each control what the eye sees beside it: ipywidgets leaves sliders, rows of buttons
// and radio buttons without names, and tells of a slider with words only the place of the word. It also keeps the keys
// of a control with the control.

function set(node, attribute, value) {
  if (node.getAttribute(attribute) !== value) node.setAttribute(attribute, value);  // or the observer would never rest
}

// A place that is there before its words change is read aloud; words that bring their own place with them often are not.
function speak(box) {
  for (const place of box.querySelectorAll(".course-said")) {
    set(place, "role", "status");
    for (const words of place.querySelectorAll("[role=status]")) words.removeAttribute("role");
  }
}

const SENTENCES = /(?<=[.!?])\s+(?=[A-Z])/;

// A place without looks beside the words of a laboratory: what changed in them is said there, and the rest, which
// would be read out after every step, stands on the page to be read.
function giveVoice(box) {
  if (!box.querySelector(".course-told")) return null;
  const voice = document.createElement("p");
  voice.className = "course-voice";
  set(voice, "role", "status");
  box.append(voice);
  return voice;
}

const toldBefore = new WeakMap();

function sayChanges(box, voice) {
  for (const told of box.querySelectorAll(".course-told")) {
    for (const words of told.querySelectorAll("[role=status]")) words.removeAttribute("role");
    const before = toldBefore.get(told), now = told.textContent.trim().split(SENTENCES);
    if (now.join() === before?.join()) continue;
    toldBefore.set(told, now);
    const changed = now.filter((sentence) => !before?.includes(sentence));
    if (before) voice.textContent = (changed.length ? changed : now).join(" ");
  }
}

function nameControls(box, title, group, voice) {
  speak(box);
  if (voice) sayChanges(box, voice);
  for (const label of box.querySelectorAll("[title='null']")) label.removeAttribute("title");  // a hint without words
  set(box, "role", "group");
  set(box, "aria-label", title);
  for (const control of box.querySelectorAll(".widget-inline-hbox, .widget-toggle-buttons, .widget-radio, .widget-dropdown")) {
    const name = control.querySelector(":scope > .widget-label")?.textContent.trim() || title;
    const readout = control.querySelector(".widget-readout");
    for (const handle of control.querySelectorAll(".noUi-handle")) {
      set(handle, "aria-label", name);
      if (readout) set(handle, "aria-valuetext", readout.textContent.trim());
    }
    if (control.matches(".course-worded")) set(readout, "contenteditable", "false");  // what is typed there changes nothing
    else if (readout?.isContentEditable) {
      set(readout, "role", "textbox");
      set(readout, "tabindex", "-1");  // arrows on the slider give every number: one stop for Tab is enough
      set(readout, "aria-label", `${name}, as a number`);
    }
    for (const select of control.querySelectorAll("select")) set(select, "aria-label", name);
    // One name makes them one choice: one stop for Tab, and arrows from one to the next.
    for (const radio of control.querySelectorAll("input[type=radio]")) set(radio, "name", `${group}-${name}`);
    if (control.matches(".widget-toggle-buttons, .widget-radio")) {
      set(control, "role", control.matches(".widget-radio") ? "radiogroup" : "group");
      set(control, "aria-label", name);
      for (const button of control.querySelectorAll("button"))
        set(button, "aria-pressed", String(button.classList.contains("mod-active")));
    }
  }
}

// JupyterLab's keys for its cells are single letters and arrows. In a control they are the control's: a letter chooses
// what begins with it, an arrow the next. What leaves a control or runs its cell still goes on to JupyterLab.
function keepKey(event) {
  const { key, currentTarget } = event;
  const leaves = key === "Tab" || key === "Escape" || event.ctrlKey || event.metaKey || event.altKey;
  if (!leaves && !(key === "Enter" && event.shiftKey)) event.stopPropagation();
  if (key === "Escape") currentTarget.closest(".jp-Cell")?.focus();  // back to the cell, and to JupyterLab's keys
}

let boxes = 0;

export default {
  render({ model, el }) {
    let observer, box, voice;
    const start = () => {
      box = el.closest(".course-lab, .course-quiz, .course-film");
      if (!box) return void (frame = requestAnimationFrame(start));  // not on the page yet
      box.addEventListener("keydown", keepKey);
      const title = model.get("title");
      const group = `course-choices-${++boxes}`;
      voice = giveVoice(box);
      const name = () => nameControls(box, title, group, voice);
      name();
      observer = new MutationObserver(name);
      observer.observe(box, {
        subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class", "aria-valuetext"],
      });
    };
    let frame = requestAnimationFrame(start);
    return () => {
      cancelAnimationFrame(frame);
      observer?.disconnect();
      voice?.remove();
      box?.removeEventListener("keydown", keepKey);
    };
  },
};
