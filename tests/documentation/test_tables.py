"""Wide tables of the site: each cell names its column, so that a phone can show a row as lines."""

from scripts.documentation.wide_tables import label_tables


def make_table(columns: int) -> str:
    headings = "".join(f"<th>heading <em>{number}</em></th>" for number in range(columns))
    cells = "".join(f'<td style="text-align: right;">cell {number}</td>' for number in range(columns))
    return f"<table>\n<thead>\n<tr>\n{headings}\n</tr>\n</thead>\n<tbody>\n<tr>\n{cells}\n</tr>\n</tbody>\n</table>"


def test_each_cell_of_a_wide_table_names_its_column() -> None:
    page = label_tables(f"<p>before</p>{make_table(4)}")
    assert "<table data-wide>" in page
    for number in range(4):
        assert f'<td data-label="heading {number}" style="text-align: right;">cell {number}</td>' in page


def test_a_narrow_table_stays_as_it_is() -> None:
    assert label_tables(make_table(3)) == make_table(3)
