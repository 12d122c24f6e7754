package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/portaria/portaria/internal/event"
)

// eventColumns are the columns of an event, in the order of eventValues.
const eventColumns = "seq, id, type, at, account_id, session_id, client_id, key_id, actor, address, user_agent, reason, detail"

// insertSizes are how many events one statement inserts. Only these sizes are
// used, so that each connection prepares few statements.
var insertSizes = [...]int{64, 16, 8, 4, 2, 1}

// insertEvents writes events that have their numbers, many in a statement.
func insertEvents(ctx context.Context, t transaction, events []event.Event) error {
	for _, size := range insertSizes {
		for len(events) >= size {
			values, err := eventValues(events[:size])
			if err != nil {
				return err
			}
			if err := t.exec(ctx, insertText(size, len(values)/size), values...); err != nil {
				return err
			}
			events = events[size:]
		}
	}
	return nil
}

func insertText(rows, columns int) string {
	var text strings.Builder
	text.WriteString("INSERT INTO events (" + eventColumns + ") VALUES ")
	for i := range rows * columns {
		switch {
		case i == 0:
			text.WriteByte('(')
		case i%columns == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		text.WriteString("$" + strconv.Itoa(i+1))
	}
	text.WriteByte(')')
	return text.String()
}

func eventValues(events []event.Event) ([]any, error) {
	values := make([]any, 0, len(events)*(strings.Count(eventColumns, ",")+1))
	for _, e := range events {
		detail, err := encodeDetail(e.Detail, e.RequestID)
		if err != nil {
			return nil, err
		}
		values = append(values, e.Seq, e.ID, string(e.Type), millis(e.At), e.AccountID, e.SessionID, e.ClientID, e.KeyID,
			e.Actor, e.Address, e.UserAgent, e.Reason, detail)
	}
	return values, nil
}
