package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// A session without a parent is the top of a tree, and the sessions that came from
// it are the rest. A top never ends without its children.

// parentsAtOnce is how many parameters EndChildren has for parents.
const parentsAtOnce = 16

// withChildren ends the sessions that came from ended ones, and returns all. It is a
// statement after the one that ended the parents, which waited for each session
// that was being started from one (see holdParent) and so sees it.
func withChildren(ctx context.Context, q *query.Queries, ended endings, at time.Time, reason session.Reason) (endings, error) {
	all := slices.Clip(ended)
	for tops := range slices.Chunk(ended.tops(), parentsAtOnce) {
		children, err := q.EndChildren(ctx, childrenOf(tops, at, reason))
		if err != nil {
			return nil, err
		}
		all = append(all, children...)
	}
	return all, nil
}

func childrenOf(tops []string, at time.Time, reason session.Reason) query.EndChildrenParams {
	var p [parentsAtOnce]string
	copy(p[:], tops)
	return query.EndChildrenParams{
		At: millis(at), Reason: string(reason),
		P1: p[0], P2: p[1], P3: p[2], P4: p[3], P5: p[4], P6: p[5], P7: p[6], P8: p[7],
		P9: p[8], P10: p[9], P11: p[10], P12: p[11], P13: p[12], P14: p[13], P15: p[14], P16: p[15],
	}
}

// tops returns the ids of the sessions that can have children.
func (e endings) tops() []string {
	var ids []string
	for _, s := range e {
		if s.Parent == "" {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// trees groups sessions by the rule that is enough for them: a top and its children
// are one tree, with the top first. A child whose top goes on is a tree by itself.
func (e endings) trees() []endings {
	var trees []endings
	at := map[string]int{}
	for _, s := range e {
		if s.Parent == "" {
			at[s.ID] = len(trees)
			trees = append(trees, endings{s})
		}
	}
	for _, s := range e {
		if s.Parent == "" {
			continue
		}
		if i, ok := at[s.Parent]; ok {
			trees[i] = append(trees[i], s)
		} else {
			trees = append(trees, endings{s})
		}
	}
	return trees
}
