package sqlstore

import (
	"context"
	"time"
)

// around has every step of an engine run inside a function of the caller's.
type around struct {
	engine
	run func(ctx context.Context, step func() error) error
}

func (a around) read(ctx context.Context, s step) error {
	return a.run(ctx, func() error { return a.engine.read(ctx, s) })
}

func (a around) write(ctx context.Context, s step) error {
	return a.run(ctx, func() error { return a.engine.write(ctx, s) })
}

func (a around) writeAll(ctx context.Context, s step) error {
	return a.run(ctx, func() error { return a.engine.writeAll(ctx, s) })
}

func (a around) writeLog(ctx context.Context, add *additions, s step) error {
	return a.run(ctx, func() error { return a.engine.writeLog(ctx, add, s) })
}

func (a around) clock(ctx context.Context) (now time.Time, err error) {
	err = a.run(ctx, func() error {
		now, err = a.engine.clock(ctx)
		return err
	})
	return now, err
}
