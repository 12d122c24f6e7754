package cli

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func write(t *testing.T, table Table, wide bool) string {
	t.Helper()
	var out bytes.Buffer
	if err := table.write(&out, wide); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const (
	idA = "3f0c1c5e-7f0e-4b5e-9d51-0a4c6e6f7a10"
	idB = "3f0c1c5e-7fff-4b5e-9d51-0a4c6e6f7a10"
	idC = "c0ffee00-0000-4000-8000-000000000000"
)

func TestTable(t *testing.T) {
	long := strings.Repeat("é", 254)
	tests := map[string]struct {
		table Table
		wide  bool
		want  string
	}{
		"nothing from strangers reaches the terminal": {
			table: Table{Columns("#ID", "USER AGENT"), [][]string{{"a longer id", "x\tforged\ncolumn\x1b[m"}}},
			want:  "ID           USER AGENT\na longer id  x?forged?column?[m\n",
		},
		"ids are short": {
			table: Table{Columns("#ID"), [][]string{{idA}, {idC}}},
			want:  "ID\n3f0c1c5e\nc0ffee00\n",
		},
		"and differ": {
			table: Table{Columns("#ID"), [][]string{{idA}, {idB}}},
			want:  "ID\n3f0c1c5e-7f0\n3f0c1c5e-7ff\n",
		},
		"names are not ids": {
			table: Table{Columns("#ID"), [][]string{{"signing-key-2026"}}},
			want:  "ID\nsigning-key-2026\n",
		},
		"wide shows all": {
			table: Table{Columns("#ID", "+MORE"), [][]string{{idA, "more"}}}, wide: true,
			want: "ID                                    MORE\n" + idA + "  more\n",
		},
		"narrow hides columns": {
			table: Table{Columns("#ID", "+MORE"), [][]string{{idA, "more"}}},
			want:  "ID\n3f0c1c5e\n",
		},
		"a long text is cut": {
			table: Details([][]string{{"name", long}}),
			want:  "name  " + strings.Repeat("é", 93) + "…\n",
		},
		"but not in wide": {table: Details([][]string{{"name", long}}), wide: true, want: "name  " + long + "\n"},
		"letters of two columns count as two": {
			table: Details([][]string{{"name", strings.Repeat("日", 60)}}),
			want:  "name  " + strings.Repeat("日", 46) + "…\n",
		},
		"rows of different lengths": {
			table: Details([][]string{{"a"}, {"b", "c", "d"}}),
			want:  "a\nb  c  d\n",
		},
		"no rows": {table: Details(nil), want: ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := write(t, test.table, test.wide); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

// TestTablesFit makes up tables of up to nine columns.
func TestTablesFit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(r, "columns")
		table := Table{Rows: rapid.SliceOf(rapid.SliceOfN(rapid.String(), n, n)).Draw(r, "rows")}
		for range n {
			table.Columns = append(table.Columns, Column{Name: rapid.StringN(0, 20, -1).Draw(r, "name")})
		}
		for line := range strings.SplitSeq(write(t, table, false), "\n") {
			if columnsOf(line) > maxColumns {
				r.Fatalf("%d columns: %s", columnsOf(line), line)
			}
		}
	})
}

func TestMatch(t *testing.T) {
	ids := []string{idA, idB, idC, "mine", "mine-too"}
	for named, want := range map[string]string{
		idA: idA, "c0ff": idC, "3f0c1c5e-7f0": idA, "mine": "mine", "mine-": "mine-too",
		"c0f": "", "": "", "dead": "", // too short, or unknown
	} {
		if got, ok, err := Match("keys", named, ids); err != nil || got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, %v; want %q", named, got, ok, err, want)
		}
	}
	if got, _, err := Match("keys", "3f0c", ids); err == nil || got != "" {
		t.Errorf("two ids begin with 3f0c, got %q", got)
	}
}
