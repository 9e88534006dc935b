package gemini

import (
	"strconv"

	"switchyard/dialect"
	"switchyard/spool"
)

var _ dialect.Inliner = Dialect{}

// Inline replaces a part's fileData with inlineData: nobody accepts a data: URI in fileData.
func (Dialect) Inline(way []*spool.Value, mime string) (place *spool.Value, before, after string) {
	n := len(way)
	if n < 3 {
		return nil, "", ""
	}
	address, file, part := way[n-1], way[n-2], way[n-3]
	if (part.Get("fileData") != file && part.Get("file_data") != file) || (file.Get("fileUri") != address && file.Get("file_uri") != address) {
		return nil, "", ""
	}
	return part, `{"inlineData":{"mimeType":` + strconv.Quote(mime) + `,"data":"`, `"}}`
}
