// Says aloud what changes, and of each control what the eye sees beside it: ipywidgets leaves sliders, rows of buttons
// and radio buttons without names, and tells of a slider with words only the place of the word.

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

function nameControls(box, title) {
  speak(box);
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
      set(readout, "aria-label", `${name}, as a number`);
    }
    for (const select of control.querySelectorAll("select")) set(select, "aria-label", name);
    if (control.matches(".widget-toggle-buttons, .widget-radio")) {
      set(control, "role", control.matches(".widget-radio") ? "radiogroup" : "group");
      set(control, "aria-label", name);
      for (const button of control.querySelectorAll("button"))
        set(button, "aria-pressed", String(button.classList.contains("mod-active")));
    }
  }
}

export default {
  render({ model, el }) {
    let observer;
    const start = () => {
      const box = el.closest(".course-lab, .course-quiz");
      if (!box) return void (frame = requestAnimationFrame(start));  // not on the page yet
      const title = model.get("title");
      nameControls(box, title);
      observer = new MutationObserver(() => nameControls(box, title));
      observer.observe(box, {
        subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class", "aria-valuetext"],
      });
    };
    let frame = requestAnimationFrame(start);
    return () => {
      cancelAnimationFrame(frame);
      observer?.disconnect();
    };
  },
};
