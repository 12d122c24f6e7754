package event

import "context"

// Origin is who does something, and from where. It travels in the context of a
// request, so that every event of every step has it: a step that was handed it
// as a parameter could be handed none.
type Origin struct {
	// Actor, Address, UserAgent and RequestID are those of [Event].
	Actor, Address, UserAgent, RequestID string
}

// Operator is the Actor of the person who holds master key and database.
const Operator = "operator"

type originKey struct{}

// From returns a context in which all that happens comes from o.
func From(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf is where what happens in ctx comes from. The zero value stands for
// Portaria itself.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}
