package switchyard

import (
	"encoding/json"
	"mime"
	"time"
)

// File is what an app has put into our keeping, to name its address in a request.
type File struct {
	ID       string          `json:"id"`      // nobody can guess it
	Dialect  string          `json:"dialect"` // that it came by
	Name     string          `json:"name"`
	Type     string          `json:"type"` // as declared
	Size     int64           `json:"size"`
	SHA256   string          `json:"sha256"` // hexadecimal, as the next
	MD5      string          `json:"md5"`
	Metadata json.RawMessage `json:"metadata,omitempty"` // the app's own words
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
}

// MediaType is the declared type without its parameters. What is none is bytes.
func (f *File) MediaType() string {
	kind, _, err := mime.ParseMediaType(f.Type)
	if err != nil {
		return "application/octet-stream"
	}
	return kind
}
