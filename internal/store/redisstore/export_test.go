package redisstore

import (
	"context"
	"time"
)

// Lives returns all keys and how long each lives.
func (s *Store) Lives(ctx context.Context) (map[string]time.Duration, error) {
	keys, err := s.client.Do(ctx, s.client.B().Keys().Pattern("*").Build()).AsStrSlice()
	lives := map[string]time.Duration{}
	for _, key := range keys {
		ms, err := s.client.Do(ctx, s.client.B().Pttl().Key(key).Build()).AsInt64()
		if err != nil {
			return nil, err
		}
		lives[key] = time.Duration(ms) * time.Millisecond
	}
	return lives, err
}
