package main

import (
	"fmt"
	"io"
	"strings"
)

func heading(out io.Writer) {
	fmt.Fprintf(out, "%-26s %7s %7s %8s %8s | %-34s | %6s |\n", "", "", "", "", "", "CPU ms an operation", "others")
	fmt.Fprintf(out, "%-26s %7s %7s %8s %8s | %7s %8s %8s %8s | %6s | %s\n",
		"operation", "clients", "ops/s", "p50 ms", "p99 ms", "service", "database", "hashing", "clients", "CPU %", "target")
	fmt.Fprintln(out, strings.Repeat("-", 149))
}

func row(out io.Writer, name string, clients int, m sample, t target) {
	fmt.Fprintf(out, "%-26s %7d %7.0f %8.2f %8.2f | %7.3f %8.3f %8.3f %8.3f | %6.0f | %s\n", name, clients,
		m.rate(), m.percentile(50), m.percentile(99), m.each(m.service), m.each(m.database), m.each(m.hashing), m.each(m.own), m.disturbed(), t.judge(m))
}

// judge says what is demanded and whether it is so.
func (t target) judge(m sample) string {
	var verdicts []string
	if m.refused > 0 {
		verdicts = append(verdicts, fmt.Sprintf("%d told to wait", m.refused))
	}
	if t.rate > 0 {
		verdicts = append(verdicts, atLeast("ops/s", "%.0f", m.rate(), t.rate))
	}
	if t.cpu > 0 {
		verdicts = append(verdicts, atMost("ms CPU", "%.2f", m.each(m.service+m.database+m.hashing), t.cpu))
	}
	if t.beside > 0 {
		verdicts = append(verdicts, atMost("ms CPU beside the hash", "%.2f", m.each(m.service+m.database), t.beside))
	}
	return strings.Join(verdicts, ", ")
}

func atLeast(unit, format string, got, want float64) string {
	return fmt.Sprintf("≥ "+format+" %s: %s", want, unit, verdict(got >= want, got/want))
}

func atMost(unit, format string, got, want float64) string {
	return fmt.Sprintf("≤ "+format+" %s: %s", want, unit, verdict(got <= want, got/want))
}

// verdict says of a miss how far off it is.
func verdict(met bool, ratio float64) string {
	if met {
		return "pass"
	}
	return fmt.Sprintf("MISS (%.2f of it)", ratio)
}

// line is a figure that is no load.
func line(out io.Writer, name, figure, judged string) {
	fmt.Fprintf(out, "%-40s %-58s | %s\n", name, figure, judged)
}
