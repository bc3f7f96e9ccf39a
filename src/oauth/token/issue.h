/* moved to oauth/issue.h */
#include "oauth/issue.h"
#define token_issue         issue_token
#define token_write_access  issue_write_access
#define token_write_refresh issue_write_refresh
