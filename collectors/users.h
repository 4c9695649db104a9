/* users.h - the parts of the users collector. */
#ifndef USERS_H
#define USERS_H

struct take;

/* All return 0, or the sink's error; what cannot be read is a gap. */

/* Tables "users", "groups", "shadow", "sudoers". */
int users_accounts(struct take *t);

/* Tables "logins", "lastlog", "logind_sessions". */
int users_logins(struct take *t);

#endif
