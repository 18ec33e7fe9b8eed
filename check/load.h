#ifndef CHECK_LOAD_H
#define CHECK_LOAD_H

#include "base/buf.h"
#include "check/rules.h"

/*
 * nft itself loads the file into a private user and network namespace (an
 * ordinary user may do so where user namespaces are allowed); then the kernel
 * is read. Interfaces that the file needs to exist (iif, oif, device) are made
 * there first, as are those named in iface.
 *
 * The namespace lives, as file descriptors in the ruleset, until
 * check_unload(): packets can be sent through it.
 */
struct kruleset *check_load_file(struct arena *a, const char *path,
				 const char *const *iface, size_t n,
				 struct buf *err);
/* The same, and then what nft reads in script: NULL is nothing. */
struct kruleset *check_load_amended(struct arena *a, const char *path,
				    const char *const *iface, size_t n,
				    const char *script, struct buf *err);
/* The ruleset of the network namespace that this process is in; packets are
 * sent through a copy of it in a private namespace, where one can be made. */
struct kruleset *check_load_live(struct arena *a, struct buf *err);
/* The same to be judged alone: rules have no texts, no packet is sent. known
 * may be NULL. */
struct kruleset *check_read_live(struct arena *a, const struct kr_known *known,
				 struct buf *err);
/* Has nft run a script in the namespaces that this process is in. */
bool check_run_nft(const char *script);
void check_unload(struct kruleset *rs);

/* load_names.c: interface names a file cannot be loaded without. */
struct names {
	const char **v;
	size_t n, cap;
};

void names_add(struct arena *a, struct names *s, const char *p, size_t n);
void names_needed(struct arena *a, struct names *s, const char *text, size_t n);
void names_needed_json(struct arena *a, struct names *s, const char *text,
		       size_t n);

/* Names of which nft says that there is no such interface; false: no new one. */
bool names_complained(struct arena *a, struct names *s, const char *said);

/* listing.c: JSON that nft lists, as nft loads it. */
void listing_in_order(const char *text, size_t n, struct buf *out);
/* The same in parts that are loaded one after the other, where nft refuses maps
 * to concatenations: those are text. False: there are none, or one cannot be
 * said so. The caller frees the parts. */
enum { LISTING_HEAD, LISTING_MAPS, LISTING_RULES, LISTING_PARTS };
bool listing_apart(struct arena *a, const char *text, size_t n,
		   struct buf out[LISTING_PARTS]);

/* listing_maps.c: an object of such a listing that is a map. */
enum listing_map { MAP_AS_IT_IS, MAP_AS_TEXT, MAP_UNKNOWN };
enum listing_map listing_map(struct arena *a, const char *text, size_t n,
			     struct buf *out);

/* The line of a rule that its listing could not say; 0: none. */
unsigned listing_compat_line(const char *text, size_t n);

/* lines.c: rule texts from `nft -a -s -t list ruleset`, and lines of the file. */
void rules_texts(struct kruleset *rs, const char *listing, size_t n);
void rules_lines(struct kruleset *rs, const char *file, const char *text,
		 size_t n);

/*
 * What an ordinary user's nft sends is bounded. The text of tables, cut into
 * several of its length that do the same one after the other: the first has
 * all but most rules, the others some of these. *n is 0 where it cannot be cut.
 */
const char **rules_pieces(struct arena *a, const char *text, size_t len,
			  size_t *n);

#endif
