{%- extends 'formgrader/manage_assignments.tpl' -%}

{%- block messages -%}
<p>
  Collect and grade the whole class:
  {%- for lesson in lessons %}
  <a href="{{ base_url }}/formgrader/manage_submissions/{{ lesson | urlencode }}">{{ lesson }}</a>{{ "" if loop.last else "," }}
  {%- endfor %}
</p>
{{ super() }}
{%- endblock -%}
