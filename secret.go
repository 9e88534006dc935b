package switchyard

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// Secret is a key, token or password. However it is printed, logged or marshalled, it comes out as <secret>, or as
// nothing if it is empty; only Reveal returns the text.
type Secret struct{ text string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal returns the text itself, for the one place that puts it on the wire.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret at all.
func (s Secret) IsZero() bool { return s.text == "" }

// Equal compares in constant time.
func (s Secret) Equal(t Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.text), []byte(t.text)) == 1
}

// Fingerprint returns a name for the secret that does not give it away: the first 16 hexadecimal digits of its
// SHA-256.
func (s Secret) Fingerprint() string {
	sum := sha256.Sum256([]byte(s.text))
	return hex.EncodeToString(sum[:8])
}

// String is <secret>.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "<secret>"
}

// Format keeps every verb of package fmt, %#v and %x too, from printing the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText is <secret>.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(b []byte) error {
	s.text = string(b)
	return nil
}

// LogValue is <secret> for package log/slog, too.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
