#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include "apply/apply.h"
#include "apply/monitor.h"
#include "cli/cli.h"

/* What apply, confirm, recover and restore share. */

#define STATE_DEFAULT "/var/lib/portplan"
#define STATE_OPTION \
	{ 0, "state", "DIR", \
	  "where journal, boot file and guardian are (default: " \
	  "PORTPLAN_STATE_DIR, or " STATE_DEFAULT ")" }

const char *state_base(const struct args *a);
/* Over which connection this program was started; "". */
const char *ssh_connection(void);
/* A file under way in the state directory. */
#define NEXT_PLAN "next.plan"
#define BOOT_PLAN "boot.plan"

/* What is there of one firewall: state locked, netlink open. */
struct site {
	struct args *a;
	const char *firewall, *table;
	struct state_dir state;
	struct nft nft;
	struct generations g;
	struct monitor monitor; /* of changes by others; fd -1: nobody hears */
	const char *foreign;	/* " (nft, process 4711)", or "" */
	struct buf err;
};

/* Opens, locks, ends what an earlier apply left. EXIT_OK or a message. */
int site_open(struct site *s, struct args *a, const char *firewall);
/* The same to load what was confirmed last: of one of which nothing ever was,
 * nothing is made either. to_boot: as recover() means it. */
int site_open_confirmed(struct site *s, struct args *a, const char *firewall,
			bool to_boot);
void site_close(struct site *s);
/* Loads what was confirmed last, and switches to it. */
enum batch_result site_load_confirmed(struct site *s);
/* What was confirmed last, in the site's arena. NULL: s->err. */
struct model *site_confirmed(struct site *s);
/* Has it a state directory? EXIT_OK or a message with the nearest that has. */
int site_need(struct args *a, const char *firewall);
/* Says which tables of other firewalls run here as well. */
void site_say_beside(struct site *s);
/* "portplan apply: …" for each line of s->err, which is emptied; EXIT_BAD. */
int site_trouble(struct site *s);
/* Names of the firewalls with a state directory, sorted; those with this file
 * if that is not NULL. */
size_t site_names(struct args *a, const char *with, const char ***out);
/* " --state DIR" as another shell has to say it; nothing for the default. */
void site_state_words(const struct site *s, struct buf *out);

/* apply_rules.c: what gen makes of it, into a plan file. */
struct rules_size {
	uint64_t hash, elements, largest; /* largest: elements of one set */
};
struct rules;
/* NULL and a message if they cannot be made. */
struct rules *rules_make(struct args *a, const struct loaded *l,
			 const struct firewall *f, struct rules_size *size);
int rules_write(const struct rules *r, struct plan_writer *w, struct buf *err);
struct model *rules_model(const struct rules *r, struct arena *a,
			  struct buf *err);

/* What of ours runs: -1: nothing; its elements, as the kernel sent them. */
struct running {
	int slot;
	uint32_t generation;
	struct buf elements;
};

/* apply_diff.c: what it opens and closes on the running machine. */
int apply_difference(struct args *a, const struct loaded *l,
		     const struct firewall *f, const char *table,
		     const struct running *r, struct buf *out, bool *opens,
		     bool *closes);

/* apply_order.c: what is to be changed before and after it. */
void apply_order(const struct loaded *l, const struct firewall *f, bool opens,
		 bool closes, struct buf *out);

/* apply_foreign.c: hears of changes from here on; looks for the one that comes
 * after s->g.generation, for s->foreign; the same, and hears no more. */
void foreign_listen(struct site *s);
void foreign_hear(struct site *s);
void foreign_deaf(struct site *s);

/* apply_connections.c: what is open and is not allowed (any more): listed, or
 * cut. False: they could not be read, or not all be cut; out says so. */
enum revoke { REVOKE_NOT, REVOKE_LATER /* once confirmed */, REVOKE_NOW };
bool apply_connections(struct args *a, const struct loaded *loaded,
		       const struct firewall *f, enum revoke how,
		       struct buf *out);

/* apply_run.c */

/* What goes with the switch. */
struct way {
	unsigned seconds; /* to confirm in; 0: at once */
	bool revoke;
	unsigned grace; /* seconds; 0: none */
	/* So many elements that telling a listener of each would cost more
	 * than the loading does. */
	bool large;
	/* NULL: a saved plan, by which no connection can be judged */
	const struct loaded *loaded;
	const struct firewall *firewall;
};

/* "yes" on the terminal; or --yes. EXIT_OK, or that it was not. */
int apply_ask(const struct args *a, const char *question);
/* What next.plan says: in place, what differs; whole where x is NULL. Waits
 * for the confirmation. */
int apply_rules(struct site *s, const struct way *w, struct delta *x);
/* A grace period begins in what runs. EXIT_OK or a message. */
int apply_grace(struct site *s, unsigned seconds);
/* The rules run for good: looks at the connections. EXIT_OK, or that it was
 * asked for and could not be done. */
int apply_look(struct site *s, const struct way *w);
int apply_result_code(struct site *s, enum apply_result r);

#endif
