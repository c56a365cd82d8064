//! The words for what was done, as every format of this crate says it.
//!
//! One word for one thing, whatever the device calls it: rules and people compare actions across
//! sources. Formats that bring their own vocabulary (CEF names, API operations, GuardDuty finding
//! types) keep theirs.

/// Somebody was let in or refused, with the outcome saying which.
pub const LOGIN: &str = "login";
/// A step of a login that does not decide it.
pub const LOGIN_ATTEMPT: &str = "login_attempt";
/// Somebody signed out.
pub const LOGOUT: &str = "logout";
/// A session began.
pub const SESSION_OPEN: &str = "session_open";
/// A session ended.
pub const SESSION_CLOSE: &str = "session_close";
/// A command under another account.
pub const SUDO: &str = "sudo";
/// A change to another account.
pub const SU: &str = "su";
/// More rights inside a device.
pub const PRIVILEGE_CHANGE: &str = "privilege_change";
/// A connection came, or came to nothing.
pub const CONNECTION: &str = "connection";
/// A connection ended.
pub const DISCONNECT: &str = "disconnect";
/// A packet filter's verdict.
pub const FIREWALL_LOG: &str = "firewall_log";
/// Settings were changed.
pub const CONFIG_CHANGE: &str = "config_change";
/// A command was run.
pub const COMMAND: &str = "command";
/// A scheduled job was started.
pub const CRON_JOB: &str = "cron_job";
/// An account was made.
pub const ACCOUNT_CREATE: &str = "account_create";
/// An account was removed.
pub const ACCOUNT_DELETE: &str = "account_delete";
/// An account was changed.
pub const ACCOUNT_CHANGE: &str = "account_change";
/// An account was locked.
pub const ACCOUNT_LOCK: &str = "account_lock";
/// A group was made, removed or given members.
pub const GROUP_CHANGE: &str = "group_change";
/// A password was changed.
pub const PASSWORD_CHANGE: &str = "password_change";
/// A web server answered.
pub const HTTP_REQUEST: &str = "http_request";
/// A file was read.
pub const FILE_READ: &str = "file_read";
/// A file was written.
pub const FILE_WRITE: &str = "file_write";
/// A file was deleted.
pub const FILE_DELETE: &str = "file_delete";
/// An e-mail went through.
pub const MAIL: &str = "mail";
/// A name was looked up.
pub const DNS_QUERY: &str = "dns_query";
/// An address was given to a machine.
pub const DHCP_ASSIGNED: &str = "dhcp_assigned";
/// A detection by the device itself.
pub const DETECTION: &str = "detection";
/// A mandatory access control's verdict.
pub const ACCESS_CONTROL: &str = "access_control";
/// A service or machine started.
pub const SERVICE_START: &str = "service_start";
/// A service or machine stopped.
pub const SERVICE_STOP: &str = "service_stop";
/// Nothing more is known than that the device said something.
pub const LOG_MESSAGE: &str = "log_message";
