#ifndef AUDIT_REPORT_H
#define AUDIT_REPORT_H

#include "audit/audit.h"
#include "base/buf.h"
#include "base/vec.h"

/* One file or interface, as it stands in the report. */
struct observed {
	const char *name;
	uint64_t packets;
	uint64_t dropped;    /* by the kernel, for want of room */
	uint64_t if_dropped; /* by the interface */
	const char *damage;  /* its tail is lost: why; NULL */
	uint64_t damage_at;  /* 0: nothing of it could be read */
	const char *gone;    /* an interface that did not stay: why; NULL */
};

/* One way in which the observation fell short. */
struct gap {
	const char *what;
	uint64_t n, of; /* of 0: what says it all */
	bool beyond;	/* more than a clean result can stand on */
};

/* A planned flow that was not seen between zones of which enough was. */
struct unseen {
	uint32_t reason, from_zone, to_zone;
	uint64_t flows; /* others that were seen between the two */
};

struct report {
	const struct judge *judge;
	const struct audit_totals *totals;
	const struct flow_stats *flows;
	const struct decode_stats *decoded;
	struct finding **finding;
	size_t n_finding, n_waived;
	const struct observed *seen;
	size_t n_seen;
	VEC(struct gap) gaps;
	const char *ended; /* why it was not read to its end; NULL: it was */
	bool incomplete;
	bool taps_known; /* some source had its zone said */
	const struct unseen *unseen;
	size_t n_unseen;
	const uint64_t *reason_hits, *zone_flows; /* as audit.h has them */
	struct arena *arena;
};

/* After audit_finish(). */
struct report *report_make(struct arena *a, struct audit *au,
			   const struct judge *j, const struct observed *seen,
			   size_t n_seen);
/* Reading ended before the input did, which these words say; early: nobody
 * asked for that, so it is a gap. */
void report_ended(struct report *r, const char *words, bool early);
/* A gap in words: "too many frames malformed: 7 of 20", from the arena. */
const char *report_gap(const struct report *r, size_t i);

/* The words of one finding, from the arena. */
struct words_of {
	const char *cls, *title, *from, *to, *service, *note, *sample;
	const char *let_through; /* by what; it is in note too; NULL */
};
struct words_of finding_words(struct arena *a, const struct judge *j,
			      const struct finding *f,
			      const struct observed *seen, size_t n_seen);
enum { TIME_TEXT = 80 };

/* "2026-11-24T04:10:00.123456Z" */
void time_text(uint64_t ns, char out[TIME_TEXT]);

struct report_format {
	const char *name, *title;
	void (*write)(const struct report *r, struct buf *out);
};

struct json;
/* "gaps": an array of them, for each that writes JSON. */
void report_json_gaps(const struct report *r, struct json *j);

/* "clean", "findings", "incomplete", "findings, and incomplete" */
const char *report_outcome(const struct report *r);
/* What was seen and how completely, in one paragraph, from the arena. */
const char *report_summary(const struct report *r);

extern const struct report_format report_formats[];
extern const size_t n_report_formats;

#endif
