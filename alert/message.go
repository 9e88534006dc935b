package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Message is what one receiver is sent at once.
type Message struct {
	ID      string // unique; two messages that say the same have the same
	To      string // name of the receiver
	Notices []Notice
}

// Group makes a message of the notices for each receiver, in the order in which they are first named.
func Group(notices []Notice) []Message {
	var list []Message
	for _, n := range notices {
		for _, to := range n.Notify {
			i := slices.IndexFunc(list, func(m Message) bool { return m.To == to })
			if i < 0 {
				i, list = len(list), append(list, Message{To: to})
			}
			if last := len(list[i].Notices) - 1; last < 0 || list[i].Notices[last].ID != n.ID { // unless the receiver is named twice
				list[i].Notices = append(list[i].Notices, n)
			}
		}
	}
	for i := range list {
		parts := []string{list[i].To}
		for _, n := range list[i].Notices {
			parts = append(parts, n.ID)
		}
		list[i].ID = digest(parts...)
	}
	return list
}

// digest makes an id of the parts together.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}

// note is a notice in plain JSON.
type note struct {
	Alert   string    `json:"alert"`
	State   Phase     `json:"state"` // firing or resolved
	Since   time.Time `json:"since"`
	Value   float64   `json:"value"`
	Message string    `json:"message"`
	Rule    string    `json:"rule"`
	ID      string    `json:"id"`
}

// Encode writes the message as a receiver wants it.
func (m *Message) Encode(format string) ([]byte, error) {
	if format == Slack {
		return m.slack()
	}
	notes := make([]note, len(m.Notices))
	for i, n := range m.Notices {
		s := n.State
		notes[i] = note{s.Name, s.Phase, s.Since.UTC(), s.Value, s.Message, s.Rule, n.ID}
	}
	first := notes[0]
	first.ID = m.ID // by this a receiver knows a repetition
	return json.Marshal(struct {
		note
		Alerts []note `json:"alerts"`
	}{first, notes})
}

type (
	slackText struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	slackBlock struct {
		Type string    `json:"type"`
		Text slackText `json:"text"`
	}
)

// maxBlocks is how many blocks Slack takes in one message.
const maxBlocks = 50

// slack returns what an incoming webhook of Slack takes: a text for notifications, and a block for each notice.
func (m *Message) slack() ([]byte, error) {
	var titles []string
	var blocks []slackBlock
	for _, n := range m.Notices {
		s := n.State
		titles = append(titles, fmt.Sprintf("%s: %s", s.Phase, s.Name))
		if len(blocks) == maxBlocks-1 && len(m.Notices) > maxBlocks {
			more := fmt.Sprintf("and %d more", len(m.Notices)-len(blocks))
			blocks = append(blocks, slackBlock{"section", slackText{"plain_text", more}})
		}
		if len(blocks) == maxBlocks {
			continue
		}
		icon := ":red_circle:"
		if s.Phase == Resolved {
			icon = ":large_green_circle:"
		}
		text := fmt.Sprintf("%s *%s* %s since %s\n%s\n`%s`", icon, escape(s.Name), s.Phase,
			s.Since.UTC().Format("2006-01-02 15:04:05 UTC"), escape(s.Message), escape(s.Rule))
		blocks = append(blocks, slackBlock{"section", slackText{"mrkdwn", cut(text, 3000)}})
	}
	return json.Marshal(struct {
		Text   string       `json:"text"`
		Blocks []slackBlock `json:"blocks"`
	}{cut(escape("Switchyard: "+strings.Join(titles, ", ")), 3000), blocks})
}

// escaper keeps Slack from taking a part of a text for a link or a mention.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }

// cut shortens a text to what Slack takes.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "…"
}
