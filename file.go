package switchyard

import (
	"encoding/json"
	"mime"
	"time"
)

// File is a file that an app has given us to keep, so that requests can name its address.
type File struct {
	ID       string          `json:"id"`      // nobody can guess it
	Dialect  string          `json:"dialect"` // the dialect by which it came
	Name     string          `json:"name"`
	Type     string          `json:"type"` // as declared
	Size     int64           `json:"size"`
	SHA256   string          `json:"sha256"` // hexadecimal, like MD5
	MD5      string          `json:"md5"`
	Metadata json.RawMessage `json:"metadata,omitempty"` // the app's own words
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
}

// MediaType returns the declared type without its parameters; if that is no type, application/octet-stream.
func (f *File) MediaType() string {
	kind, _, err := mime.ParseMediaType(f.Type)
	if err != nil {
		return "application/octet-stream"
	}
	return kind
}
