{%- extends 'formgrader/manage_submissions.tpl' -%}

{%- block messages -%}
<div class="panel panel-default">
  <div class="panel-body">
    <button id="grade-class" type="button" class="btn btn-primary">Collect and grade the whole class</button>
    <span id="class-status" role="status" style="margin-left: 1em"></span>
    <pre id="class-log" style="display: none; margin: 1em 0 0; max-height: 16em; overflow: auto"></pre>
    <p style="margin: 1em 0 0">
      It takes the newest submission of each student from the exchange and grades what has changed, safely and in
      parallel. You may go on working, or close this page: the grading goes on.
    </p>
  </div>
</div>
<script>
(function () {
  const url = "{{ base_url }}/formgrader/api/class/" + encodeURIComponent(assignment_id);
  const button = document.getElementById("grade-class");
  const status = document.getElementById("class-status");
  const log = document.getElementById("class-log");
  let seen = false;  // did it run while this page was open?

  function show(state) {
    button.disabled = state.running;
    status.textContent = state.says;
    log.textContent = state.log;
    log.style.display = state.log ? "" : "none";
    if (state.running) {
      seen = true;
      setTimeout(ask, 1000);
    } else if (seen) {
      window.location.reload();  // formgrader draws its rows once: a fresh page shows what has been graded
    }
  }

  function failed(answer) {
    button.disabled = false;
    status.textContent = "The server did not answer as expected (" + answer.status + "); try again.";
  }

  // The hub takes an answer to a script for a page of another server's unless the script names the page's token.
  function ask() {
    $.ajax({url: url, dataType: "json", headers: {"X-CSRFToken": getCookie("_xsrf")}}).done(show).fail(failed);
  }

  button.addEventListener("click", function () {
    button.disabled = true;
    status.textContent = "starting …";
    $.post(url).done(function (answer) { show(typeof answer === "string" ? JSON.parse(answer) : answer); }).fail(failed);
  });
  ask();
})();
</script>
{%- endblock -%}
