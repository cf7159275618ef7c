// Filter the values of the scorecard; without this script all of them are shown.
(() => {
  const form = document.getElementById("find");
  const rows = [...document.querySelectorAll("tr[data-text]")];
  const parts = [...document.querySelectorAll("details[data-part]")];
  const groups = [...document.querySelectorAll("section[data-group]")];
  const opened = new Map(parts.map(part => [part, part.open]));
  const any = block => [...block.querySelectorAll("tr[data-text]")].some(row => !row.hidden);

  const apply = () => {
    const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = form.status.value, figure = form.figure.value;
    const filtered = words.length > 0 || status !== "" || figure !== "";
    for (const row of rows) {
      row.hidden = !(words.every(word => row.dataset.text.includes(word)) &&
        (!status || row.dataset.status === status) && (!figure || row.dataset.figure === figure));
    }
    for (const part of parts) {
      part.hidden = !any(part);
      part.open = filtered ? !part.hidden : opened.get(part);
    }
    for (const group of groups) group.hidden = !any(group);
    const found = rows.filter(row => !row.hidden).length;
    form.found.value = filtered ? `${found} of ${rows.length} values` : `${rows.length} values`;
    document.getElementById("nothing").hidden = found > 0;
  };

  for (const link of document.querySelectorAll("a[data-status]")) {
    link.addEventListener("click", () => {
      form.words.value = "";
      form.status.value = link.dataset.status;
      form.figure.value = link.dataset.figure;
      apply();
    });
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  const asked = new URLSearchParams(location.search);
  for (const name of ["words", "status", "figure"]) form[name].value = asked.get(name) ?? "";
  apply();
})();
