#ifndef CHECK_VERIFY_H
#define CHECK_VERIFY_H

#include "check/replay.h"
#include "check/trace.h"
#include "plan/plan.h"
#include "topology/waivers.h"

/*
 * A firewall's rules held against its plan: what they let through beyond it,
 * what they block of it, and what cannot be decided.
 *
 * Judged as connections: what may open (conntrack state new; TCP with a clean
 * SYN) = the plan; replies of what is planned pass; nothing else passes in
 * any other state, but for ICMP errors that belong to a connection. To the
 * firewall itself, where it has <input>, what the format lets in beside passes
 * too: loopback, link protocols, DHCP and VRRP where the plan has them, and at
 * a limited rate echo requests.
 */
enum vf_kind { VF_EXTRA, VF_MISSING, VF_UNDECIDED, VF_KINDS };

extern const char *const vf_kind_name[VF_KINDS];

/* What would make it go. */
struct vf_repair {
	const char *what;	  /* "delete the rule", ... */
	VEC(const char *) line;	  /* commands of nft, or XML */
	const char *file;	  /* where to; NULL: not in a file */
	unsigned at_line;	  /* 0: none */
	bool rechecked;		  /* tried, and judged again: it is gone */
	const char *why;	  /* not */
};

struct vf_finding {
	enum vf_kind kind;
	enum check_path path;
	bool opening;	    /* of connections; else of other states */
	const char **box;   /* in plan names and addresses */
	size_t n_box, more; /* boxes not shown */
	const char *size;   /* addresses times services, as text */
	struct space_cubes cubes; /* the boxes, as numbers */
	/* Of a baseline: as attributes of waive, of these packets and no
	 * others; unsaid: not of all of them. */
	VEC(const char *) waive;
	bool unsaid;
	const char *packet; /* one that tells the two apart */
	const char *probe;  /* the same as tests/net/probe takes it, or "" */
	space_val witness[PK_FIELDS];
	enum replay_answer kernel; /* what the kernel did with the packet */
	const char *kernel_why;	   /* if that was not tried */
	const char *from, *to, *service; /* the packet's, in plan names */
	const char *rule;   /* that decides, with its place; or the policy */
	struct traces way;  /* the packet's, through all base chains */
	const char *path_text;
	const char *file;   /* of the rule; NULL: not known */
	unsigned line;
	const char *plan;   /* the planned reason, or what comes nearest */
	struct span plan_at;
	const char *why;    /* undecided: because of this */
	bool mistranslated; /* missing: it passes, translated otherwise; extra:
			     * no exception makes it pass so */
	VEC(struct vf_repair) repair; /* either of them will do */
	uint32_t set;	    /* its packets; only while it is judged */
	const struct kr_rule *by;     /* the deciding rule */
	const struct kr_chain *by_policy;
	const struct kr_rule *translator; /* on the way of what the plan does not
					  * translate, or not so; or NULL */
	uint32_t reason;    /* that plans it, or NONE */
	char fingerprint[17]; /* of what it is, not of where it stands */
	bool exact;	    /* that is of all its packets: boxes are complete */
	bool internet;	    /* the packet's source is on the internet */
	bool astray;	    /* some come where the topology leads them not */
	bool outside;	    /* some are from or to addresses in no zone */
	bool before;	    /* so it was in the rules compared against */
	const struct rule *expired; /* extra, and all of it once planned: an
				     * allow that is over by date; NULL */
};

/* What is no difference, but worth knowing. */
enum vf_note_kind {
	NOTE_SHADOWED,	/* a rule that nothing reaches */
	NOTE_REDUNDANT, /* a rule without which all would be the same */
	NOTE_UNPLANNED, /* a comment names a reason the plan does not have */
	NOTE_LOST,	/* a reason of the plan of which nothing passes */
	NOTE_VOLATILE,	/* a set that changes while it runs */
	NOTE_ABSENT,	/* a table that may deny and is not there */
	NOTES
};

extern const char *const vf_note_name[NOTES];

struct vf_note {
	enum vf_note_kind kind;
	const char *text;
	const char *file; /* NULL: not known */
	unsigned line;
	char fingerprint[17];
};

/* A difference that is none by a waiver: what this one takes out. */
struct vf_waived {
	const struct waiver *by;
	enum vf_kind kind;
	enum check_path path;
	bool opening;
	const char **box; /* as those of a finding */
	size_t n_box, more;
};

struct verified {
	const struct firewall *firewall;
	const char *file;
	struct kruleset *rules; /* while it is loaded; or NULL */
	bool by_construction; /* byte for byte what gen writes */
	VEC(struct vf_finding) findings;
	VEC(struct vf_waived) waived; /* in the order of the waivers */
	VEC(struct vf_note) notes;
	struct pk_names names;	/* of the interfaces in cubes */
	const char *not_judged; /* tables and chains */
	size_t count[VF_KINDS];
	size_t n_expired; /* of those that are extra */
};

/* Nothing is found; something may be waived. */
bool verified_clean(const struct verified *v);

/*
 * The same topology with text put in and taken out: at inside (NULL: the end of
 * the topology) goes add. NULL: *why says why not.
 */
struct vf_edit {
	const char *add;
	const struct span *inside; /* its start tag */
	const struct span *cut;	   /* start tags of empty elements */
	size_t n_cut;
};

struct vf_replan {
	const struct plan *(*plan)(void *ctx, const struct vf_edit *e,
				   const char **why);
	void *ctx;
	const struct source *file; /* the topology */
};

/*
 * old (may be NULL): what was loaded before; findings that were so before are
 * marked. waivers (may be NULL) in force at the plan's time take their packets
 * out; used[i] is set where the i-th waived anything. One that says from and
 * to is about what comes the way the topology leads it: spoofed packets are
 * not waived by accident.
 */
struct verify_options {
	const char *file;	/* the rules; NULL: no repairs are tried */
	bool live;		/* file is a copy: its handles are others */
	const char *generated;	/* what gen writes, or NULL */
	const char *gen_command; /* that writes it */
	const struct vf_replan *replan; /* NULL: no XML is proposed */
	struct kruleset *old;
	const struct waivers *waivers;
	bool *used;
	const struct plan *once; /* with exceptions of any time; NULL: what is
				  * extra is not asked whether it was planned */
	bool no_replay;
	bool no_notes;
	bool baseline; /* say findings as waivers too */
	const char **may_deny; /* tables that may drop more than planned */
	size_t n_may_deny;
};

/* Did the kernel do with the packet what the finding says? */
enum vf_proof { VF_NOT_TRIED, VF_CONFIRMED, VF_REFUTED, VF_PROOFS };

extern const char *const vf_proof_name[VF_PROOFS];
enum vf_proof vf_proof(const struct vf_finding *f);

void verify_firewall(struct arena *a, const struct plan *p,
		     const struct firewall *f, struct kruleset *rules,
		     const struct verify_options *opt, struct verified *out);

#endif
