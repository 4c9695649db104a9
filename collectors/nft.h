/* nft.h - nf_tables' messages as members of a row; bytes in, JSON out, no I/O. */
#ifndef NFT_H
#define NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct netlink_value;

/* The name of an address family as nft(8) has it: "inet"; "" when unknown. */
const char *nft_family(unsigned family);

/*
 * Each writes the members of one row for a message's payload (the kernel's
 * include/uapi/linux/netfilter/nf_tables.h).  False, and nothing is written,
 * when it is too short.
 */
bool nft_table_row(struct json *j, const void *data, size_t len);
bool nft_chain_row(struct json *j, const void *data, size_t len);
bool nft_rule_row(struct json *j, const void *data, size_t len);
bool nft_set_row(struct json *j, const void *data, size_t len);
bool nft_object_row(struct json *j, const void *data, size_t len);
bool nft_flowtable_row(struct json *j, const void *data, size_t len);

/* The elements in one message NFT_MSG_NEWSETELEM. */
struct nft_elements {
	uint8_t family;
	char table[256], set[256];
	const uint8_t *list; /* points into the message */
	size_t len;
};

/* False when it is none. */
bool nft_elements_open(struct nft_elements *e, const void *data, size_t len);

/* Cut the next element off.  False at the end. */
bool nft_elements_next(struct nft_elements *e, const uint8_t **ret, size_t *ret_len);

/* The members of its row. */
void nft_element_row(struct json *j, const struct nft_elements *e, const uint8_t *data,
		     size_t len);

/* Which set a NFT_MSG_NEWSET message is about: attributes for a request for its
 * elements, of ${cap} (at least 600) bytes.  Their length, or 0. */
size_t nft_set_request(const void *data, size_t len, uint8_t *ret, size_t cap);

/* A list of expressions (NFTA_LIST_ELEM each), as an array: nft_expr.c. */
void nft_expr_array(struct json *j, const char *key, const uint8_t *data, size_t len);

/* One expression: NFTA_EXPR_NAME and NFTA_EXPR_DATA. */
void nft_expr_object(struct json *j, const char *key, const uint8_t *data, size_t len);

#endif
