-- The database user of `openl2m-stats tokens import`, on MySQL and MariaDB. It may read the tokens' keys, which the
-- statistics' own user may not, and nothing else that is secret.
--
-- Put a password of your own, in quotes, in place of CHANGE-ME: until then, the script stops there and makes nothing.
-- Then, as an administrator of OpenL2M's database:
--   mysql --host=… --user=… --password openl2m < token_import_user.mysql.sql
-- It can be run again: what is there stays, the password included.
--
-- To remove it: DROP USER openl2m_stats_import;

CREATE USER IF NOT EXISTS openl2m_stats_import IDENTIFIED BY CHANGE-ME WITH MAX_USER_CONNECTIONS 2;

GRANT SELECT (id, `key`, created, expires, description, allowed_ips, user_id) ON users_token TO openl2m_stats_import;
GRANT SELECT (id, username, is_active) ON auth_user TO openl2m_stats_import;
