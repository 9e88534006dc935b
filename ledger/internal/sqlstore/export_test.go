package sqlstore

// Unfinished are the statements of Store.Unfinished, to be asked how a database carries them out.
var Unfinished = []string{unfinished, unfinishedAlone}

// ReportBy is the statement of Store.Report.
var ReportBy = reportBy
