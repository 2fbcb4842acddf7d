"""Something that shows itself as HTML, with a script in it that must not run."""


class Table:
    def __init__(self, values):
        self.values = values

    def _repr_html_(self):
        total = sum(self.values)
        rows = [f"<tr><th>{n}</th><td>{v}</td><td>{v / total:.1%}</td></tr>" for n, v in enumerate(self.values)]
        head = "<tr><th></th><th>value</th><th>share</th></tr>"
        return f"<table>{head}{''.join(rows)}</table><script>document.body.textContent = 'unsafe'</script>"
