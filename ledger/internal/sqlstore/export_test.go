package sqlstore

// Unfinished are the statements of Store.Unfinished, to be asked how a database carries them out.
var Unfinished = []string{unfinished, unfinishedAlone}

// ReportBy is the statement of Store.Report.
var ReportBy = Technology.reportBy

// P95 is what a report tells of latencies.
func P95(list []int64) int64 {
	var l latencies
	for _, v := range list {
		l.add(v)
	}
	return l.p95()
}
