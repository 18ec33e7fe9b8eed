#ifndef CLI_CHECK_FORMATS_H
#define CLI_CHECK_FORMATS_H

#include "base/json.h"
#include "check/verify.h"
#include "cli/cli.h"

/* Findings beside those of packets: waivers that should not stand as they do,
 * and where the machine is not what the topology says. */
enum check_topic {
	TOPIC_WAIVER, TOPIC_MACHINE,
	TOPIC_EXPIRED, TOPIC_EXPIRING, /* exceptions */
	TOPICS
};

struct check_aside {
	enum check_topic topic;
	const char *kind; /* expired, stale, wide; interface, route … */
	const char *text;
	const char *file;
	unsigned line;
	char fingerprint[17];
};

/* What check found, for every writer the same. */
struct check_report {
	const char *topology; /* file */
	struct verified *v;
	size_t n;
	const char **unjudged; /* what was not judged, as "not judged" goes on */
	size_t n_unjudged;
	VEC(struct check_aside) aside;
	bool unread; /* of some file nothing is known */
	bool compared; /* --against: findings say whether they are new */
	const char *note; /* NULL, or what else the reader should know */
};

struct check_format {
	const char *name;
	void (*write)(const struct check_report *r, struct buf *out);
};

extern const struct check_format check_formats[];
extern const size_t n_check_formats;

/* check_text.c, check_json.c, check_sarif.c */
void check_write_text(const struct check_report *r, struct buf *out);
void check_write_json(const struct check_report *r, struct buf *out);
void check_write_sarif(const struct check_report *r, struct buf *out);

/* ---- check_words.c: words that several formats use */

struct check_kind_words {
	const char *title, *text;
	const char *level;    /* SARIF's: error, warning */
	const char *severity; /* GitHub's security-severity */
};

extern const struct check_kind_words check_kinds[VF_KINDS];

struct check_topic_words {
	const char *name;	  /* "waiver" */
	const char *array;	  /* JSON's: "waivers" */
	const char *title, *text; /* SARIF's */
	const char *level, *severity;
	const char *github; /* error, warning */
};

extern const struct check_topic_words check_topics[TOPICS];
size_t check_count(const struct check_report *r, enum check_topic t);
/* "inner: inner.nft equals the plan" */
void check_sentence(const struct verified *v, struct buf *out);
/* "More than planned on forward: fe1 to ...; plan: ...; repair: ..." */
void check_summary(const struct vf_finding *f, struct buf *out);
/* "extra on forward, may open" */
void check_head(const struct vf_finding *f, struct buf *out);
/* What a waiver takes out, and which it is. */
void check_waived_text(const struct vf_waived *w, const char *between,
		       struct buf *out);
/* All boxes told, and how many there are beyond. */
void check_boxes(const struct vf_finding *f, const char *between,
		 struct buf *out);

/* What is said of a finding behind its boxes, in every format that people
 * read, in this order: the text of a field (put is NULL), or what put writes,
 * between several things what its caller wants there. */
enum check_fact_kind {
	FACT_ABOUT, FACT_PACKET, FACT_KERNEL, FACT_RULE, FACT_PATH, FACT_PLAN,
	FACT_BECAUSE, FACT_REPAIR, FACT_ID,
	FACTS
};

struct check_fact {
	const char *name;
	void (*put)(const struct vf_finding *f, const char *between,
		    struct buf *out);
	size_t field;
};

extern const struct check_fact check_facts[FACTS];
/* Nothing where there is nothing to say. */
void check_put_fact(const struct vf_finding *f, enum check_fact_kind k,
		    const char *between, struct buf *out);
/* JSON's members that stand for them and for head, size and boxes. */
void check_json_members(struct json *j, const struct vf_finding *f);
/* "fw.nft:12: delete the rule: delete rule ... (re-checked)" */
void check_repair_text(const struct vf_repair *r, struct buf *out);
/* In the rules where the deciding rule is known, else where it is planned,
 * else the file's first line: a finding always has a place. */
void check_place(const struct verified *v, const struct vf_finding *f,
		 const char **file, unsigned *line);

#endif
