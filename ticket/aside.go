package ticket

import (
	"encoding/json"
	"fmt"
	"os"

	"switchyard"
	"switchyard/durable"
)

// end says how a ticket ended, in a file beside the database.
type end struct {
	Outcome switchyard.Outcome `json:"outcome"`
	Result  []byte             `json:"result"`
}

// endSuffix distinguishes the file of a ticket's end from that of its body. No id has a dot.
const endSuffix = ".end"

// SetAside keeps a move to Done in a file, on disk before it returns, until Advance makes the move: what has been paid
// for must not be lost if the process ends before that, or the database cannot be reached. Recover finds the file;
// Advance removes it once it has succeeded.
func (s *Store) SetAside(m Move) error {
	err := m.check(s.max)
	if err == nil && m.To != Done {
		err = ErrIllegal
	}
	if err == nil {
		text, _ := json.Marshal(end{m.Outcome, m.Result}) // of plain values: it cannot fail
		err = s.write(m.ID+endSuffix, durable.Bytes(text))
	}
	if err != nil {
		return fmt.Errorf("ticket %s: set its end aside: %w", m.ID, err)
	}
	return nil
}

// aside returns the end of a ticket that was set aside. A file that a crash cut short counts as none, and may be
// replaced.
func (s *Store) aside(id string) (e end, ok bool) {
	if s.dir == "" {
		return e, false
	}
	text, err := os.ReadFile(s.path(id + endSuffix))
	if err != nil {
		return end{}, false
	}
	if json.Unmarshal(text, &e) != nil {
		s.drop(id + endSuffix)
		return end{}, false
	}
	return e, true
}
