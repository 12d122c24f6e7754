package cli

import (
	"io"
	"slices"
	"strings"

	"golang.org/x/text/width"
)

const (
	// maxColumns is the width that every table fits into, unless --wide is given.
	maxColumns = 100
	// minCell is the width down to which a cell is cut.
	minCell = 8
	// maxID is the length of the longest id that is shown in full.
	maxID = 20
	// gap separates two columns.
	gap = "  "
)

// Column is one column of a table.
type Column struct {
	Name string
	// ID shortens ids of more than maxID characters to a prefix that is unique in the
	// table. Commands accept the prefix instead of the id.
	ID bool
	// Wide shows the column only with --wide.
	Wide bool
	// Exact cuts the column last: it holds times or numbers.
	Exact bool
}

// Columns returns columns with these names. A name that begins with # is a column of ids,
// one that begins with = is exact, and one that begins with + is shown only with --wide.
func Columns(names ...string) []Column {
	var columns []Column
	for _, name := range names {
		plain := strings.TrimLeft(name, "#+=")
		flags := name[:len(name)-len(plain)]
		columns = append(columns, Column{
			Name: plain, ID: strings.Contains(flags, "#"),
			Wide: strings.Contains(flags, "+"), Exact: strings.Contains(flags, "="),
		})
	}
	return columns
}

// Table is a table for people. Without columns it has no head line.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Details returns a table of names and their values.
func Details(rows [][]string) Table { return Table{Rows: rows} }

// write prints the table. Unless wide is set, no line is longer than maxColumns.
func (t Table) write(out io.Writer, wide bool) error {
	cells := t.cells(wide)
	widths := measure(cells)
	if !wide {
		shrink(widths, t.least(widths))
		shrink(widths, nil)
	}
	var text strings.Builder
	for _, row := range cells {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(gap)
			}
			cell = cut(cell, widths[i])
			line.WriteString(cell)
			line.WriteString(strings.Repeat(" ", widths[i]-columnsOf(cell)))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// cells returns the head and the rows as they are shown, before anything is cut.
func (t Table) cells(wide bool) [][]string {
	var head []string
	var shown [][]string
	for i, column := range t.Columns {
		if column.Wide && !wide {
			continue
		}
		head = append(head, column.Name)
		shown = append(shown, t.column(i, column.ID && !wide))
	}
	if t.Columns == nil {
		for i := range slices.Max(append(lengths(t.Rows), 0)) {
			shown = append(shown, t.column(i, false))
		}
	}
	var cells [][]string
	if head != nil {
		cells = append(cells, head)
	}
	for r := range t.Rows {
		var row []string
		for _, column := range shown {
			row = append(row, column[r])
		}
		cells = append(cells, row)
	}
	return cells
}

func lengths(rows [][]string) []int {
	var all []int
	for _, row := range rows {
		all = append(all, len(row))
	}
	return all
}

// column returns the cells of one column; ids are shortened on demand.
func (t Table) column(i int, ids bool) []string {
	var cells []string
	for _, row := range t.Rows {
		cell := ""
		if i < len(row) {
			cell = Printable(row[i])
		}
		cells = append(cells, cell)
	}
	if ids {
		n := uniquePrefix(cells)
		for i, cell := range cells {
			cells[i] = shortID(cell, n)
		}
	}
	return cells
}

// uniquePrefix returns a length at which the prefixes of different ids differ.
func uniquePrefix(ids []string) int {
	n := minCell
	sorted := slices.Sorted(slices.Values(ids))
	for i := 1; i < len(sorted); i++ {
		a, b := []rune(sorted[i-1]), []rune(sorted[i])
		same := 0
		for same < min(len(a), len(b)) && a[same] == b[same] {
			same++
		}
		if sorted[i-1] != sorted[i] {
			n = max(n, same+1)
		}
	}
	return n
}

func prefix(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n])
	}
	return s
}

// shortID returns the first n characters of a long id.
func shortID(id string, n int) string {
	if len(id) <= maxID {
		return id
	}
	return prefix(id, n)
}

// ShortID returns an id in the form that a text shows, outside a column of ids.
func (c *Call) ShortID(id string) string {
	if c.Wide {
		return Printable(id)
	}
	return shortID(Printable(id), minCell)
}

func measure(cells [][]string) []int {
	var widths []int
	for _, row := range cells {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	return widths
}

// least returns the widths below which columns are cut last: names and exact columns stay whole.
func (t Table) least(widths []int) []int {
	if t.Columns == nil && len(widths) > 0 {
		return slices.Clone(widths[:1]) // the names of details
	}
	var all []int
	for _, column := range t.Columns {
		switch {
		case column.Wide:
		case column.Exact || column.ID:
			all = append(all, widths[len(all)])
		default:
			all = append(all, columnsOf(column.Name))
		}
	}
	return all
}

// shrink makes the widest columns narrower until the table fits, but none narrower than
// minCell or its entry in least.
func shrink(widths, least []int) {
	total := len(gap) * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > maxColumns; total-- {
		widest, size := 0, minCell
		for i, w := range widths {
			if w > size && (i >= len(least) || w > least[i]) {
				widest, size = i, w
			}
		}
		if size == minCell {
			return
		}
		widths[widest]--
	}
}

// cut shortens a text to a width and marks that something is missing.
func cut(s string, limit int) string {
	if columnsOf(s) <= limit {
		return s
	}
	var out strings.Builder
	used := 1 // the ellipsis
	for _, r := range s {
		used += columnsOf(string(r))
		if used > limit {
			break
		}
		out.WriteRune(r)
	}
	return out.String() + "…"
}

// columnsOf returns how many columns of a terminal a text takes.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// List prints v as JSON for programs, or a table for people.
func (c *Call) List(v any, t Table) error {
	if c.JSON {
		return AsJSON(c.Stdout, v)
	}
	return c.Show(t)
}

// Show prints a table for people.
func (c *Call) Show(t Table) error { return t.write(c.Stdout, c.Wide) }

// Match returns the one id that a person named in full or by a prefix. It returns a
// usage error for a prefix of several ids, and ok false for an unknown id.
func Match(what, named string, ids []string) (id string, ok bool, err error) {
	if slices.Contains(ids, named) {
		return named, true, nil
	}
	var found []string
	for _, candidate := range ids {
		if len(named) >= MinPrefix && strings.HasPrefix(candidate, named) && !slices.Contains(found, candidate) {
			found = append(found, candidate)
		}
	}
	switch len(found) {
	case 0:
		return "", false, nil
	case 1:
		return found[0], true, nil
	}
	return "", false, Misuse("%s is short for %d ids of %s; give more characters, --wide shows them", Printable(named), len(found), what)
}

// MinPrefix is the least number of characters of an abbreviated id.
const MinPrefix = 4
