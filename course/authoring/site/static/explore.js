// The web edition's own script: it switches between what was computed when the site was built.
"use strict";

const OPEN = "\ue000", CLOSE = "\ue001";

/** A number as the laboratories write it: six significant digits at most. */
const shown = (number) => String(Number(number.toPrecision(6)));

/** Read the fields of a prediction: {numbers, choice} or {problem}. */
function readPrediction(form, question) {
  if (question.kind === "among") {
    const chosen = form.querySelector("input:checked");
    return chosen ? { numbers: [], choice: chosen.value } : { problem: "A prediction here is one of the choices: take one." };
  }
  const numbers = [...form.querySelectorAll("input")].map((field) => field.value.trim() === "" ? NaN : Number(field.value));
  for (const [place, number] of numbers.entries()) {
    const where = question.steps ? `“${question.steps[place]}”: ` : "";
    if (!(number >= question.low && number <= question.high)) {
      const given = Number.isFinite(number) ? `yours is ${shown(number)}.` : "yours is none.";
      return { problem: `${where}A prediction here is a number from ${question.low} to ${question.high} (${question.unit}); ${given}` };
    }
    if (question.kind === "falling" && place && number > numbers[place - 1])
      return { problem: `A funnel never widens: ${shown(number)} (${question.steps[place]}) comes after ${shown(numbers[place - 1])}.` };
  }
  return { numbers };
}

/** The line above the controls once a prediction is made; a share where a percentage is asked for is doubted. */
function committedWords(guess, question) {
  if (!guess) return "You look without a prediction.";
  const said = guess.choice ?? guess.numbers.map(shown).join(", ");
  const [first] = guess.numbers;
  const doubt = question.kind === "between" && question.unit.startsWith("percent") && first > 0 && first < 1
    ? ` Your guess is ${shown(first)} %. Did you mean ${shown(100 * first)} %?` : "";
  return `You predicted: ${said}.${doubt} Now look what happens.`;
}

function cellOf(text, scope) {
  const cell = document.createElement(scope ? "th" : "td");
  cell.textContent = text;
  if (scope) cell.scope = scope;
  return cell;
}

/** A row of a table: all its cells head columns, or its first names the row. */
function rowOf(texts, heads) {
  const row = document.createElement("tr");
  row.append(...texts.map((text, place) => cellOf(text, heads ? "col" : place ? "" : "row")));
  return row;
}

/** Write words, a part a sentence, and anew only what changed: that alone is read aloud. */
function tell(place, words) {
  const sentences = words.split(/(?<=[.!?]\s+)(?=[A-Z])/);
  const parts = [...place.children];
  if (!parts.length) place.replaceChildren();
  for (const part of parts.slice(sentences.length)) part.remove();
  sentences.forEach((sentence, number) => {
    const part = parts[number] ?? place.appendChild(document.createElement("span"));
    if (part.textContent !== sentence) part.textContent = sentence;
  });
}

function startExplorable(lab) {
  const source = lab.querySelector("script[type='application/json']");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const picture = lab.querySelector("img"), sentence = lab.querySelector(".sentence"), table = lab.querySelector("table");
  const controls = data.controls.map((id) => document.getElementById(id));
  let guess = null;
  tell(sentence, sentence.textContent);

  const placeOf = (control) => control.type === "checkbox" ? Number(control.checked) : Number(control.value);
  const wordsOf = (plain, guessed) => {
    if (!guess || !guessed) return plain;
    if (guess.choice !== undefined) return guessed[guess.choice];
    return guess.numbers.reduce((text, number, place) => text.replaceAll(OPEN + place + CLOSE, shown(number)), guessed);
  };
  const redraw = () => {
    const [file, plain, guessed, head, rows] = data.states[controls.map(placeOf).join(",")];
    const said = wordsOf(plain, guessed);
    picture.src = data.pictures[file];
    picture.alt = said;
    tell(sentence, said);
    const [caption, columns] = data.heads[head];
    table.caption.textContent = caption;
    table.tHead.replaceChildren(rowOf(columns, true));
    table.tBodies[0].replaceChildren(...rows.map((row) => rowOf(data.rows[row], false)));
  };

  for (const control of controls) {
    control.addEventListener("input", () => {
      if (control.type === "range") {
        const text = JSON.parse(control.dataset.texts)[Number(control.value)];
        control.setAttribute("aria-valuetext", text);
        control.nextElementSibling.textContent = text;
      }
      redraw();
    });
  }
  const form = lab.querySelector(".prediction");
  if (!form) return;
  const open = (found) => {
    guess = found;
    redraw();
    lab.classList.remove("waiting");
    form.hidden = true;
    const line = lab.querySelector(".committed");
    line.textContent = committedWords(found, data.question);
    line.focus();  // the button that had the focus is gone
    reachWhatScrolls();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = readPrediction(form, data.question);
    form.querySelector(".problem").textContent = found.problem ?? "";
    if (!found.problem) open(found);
  });
  form.querySelector(".peek").addEventListener("click", () => open(null));
}

function startQuiz(quiz) {
  quiz.addEventListener("change", (event) => {
    quiz.querySelector(".reply").textContent = event.target.closest(".choice").querySelector(".why").textContent;
  });
}

const SCROLLING = { ".highlight pre": "Code that scrolls", ".table-wrapper": "A table that scrolls", ".picture": "A picture that scrolls" };

/** What scrolls must be reachable by keyboard, and what does not must not stand in the way. */
function reachWhatScrolls() {
  for (const [boxes, name] of Object.entries(SCROLLING)) {
    for (const box of document.querySelectorAll(boxes)) {
      const given = { tabindex: "0", role: "region", "aria-label": name };
      for (const [attribute, value] of Object.entries(given)) {
        if (box.scrollWidth > box.clientWidth) box.setAttribute(attribute, value);
        else box.removeAttribute(attribute);
      }
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".explorable").forEach(startExplorable);
  document.querySelectorAll(".quiz").forEach(startQuiz);
  reachWhatScrolls();
  window.addEventListener("resize", reachWhatScrolls);
  document.addEventListener("toggle", reachWhatScrolls, true);
});
