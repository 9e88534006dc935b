package hook

import (
	"context"
	"log/slog"
)

// loud passes on only what is at Warn or above.
type loud struct{ slog.Handler }

// quiet returns log's handler for what is at Warn or above; if log is nil, one that drops all.
func quiet(log *slog.Logger) slog.Handler {
	if log == nil {
		return slog.DiscardHandler
	}
	return loud{log.Handler()}
}

func (l loud) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && l.Handler.Enabled(ctx, level)
}

func (l loud) WithAttrs(attrs []slog.Attr) slog.Handler { return loud{l.Handler.WithAttrs(attrs)} }

func (l loud) WithGroup(name string) slog.Handler { return loud{l.Handler.WithGroup(name)} }
