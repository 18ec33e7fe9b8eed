#ifndef APPLY_ATTRS_H
#define APPLY_ATTRS_H

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

/* More than any type that is asked for. */
enum { ATTRS = 32 };

/* Attributes by type, each the last of its type; NULL: it is not there. All
 * lie within the message, whatever it says. */
struct attrs {
	const struct nlattr *v[ATTRS];
};

/* Of a message, behind a header of so many bytes of its own. */
struct attrs attrs_of(const struct nlmsghdr *h, size_t head);
/* Of a nest; none of NULL. */
struct attrs attrs_in(const struct nlattr *nest);

/* In network byte order; 0 where it is not there or has another size. */
uint32_t attr_be32(const struct nlattr *a);
uint64_t attr_be64(const struct nlattr *a);
/* Its text, or `none` where it is not there or has no end. */
const char *attr_text(const struct nlattr *a, const char *none);
/* The comment in what nft keeps beside an element or a rule, *n bytes without
 * its NUL; NULL: there is none. */
const char *attr_comment(const struct nlattr *userdata, size_t *n);

#endif
