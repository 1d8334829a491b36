-- IAM authentication in place of the password for the user of read_only_user.mysql.sql, which comes first.
-- The function logs in this way if its secret has no "password". docs/deploy.md says which rights its roles need.
-- The database must have IAM authentication switched on. The plugin exists on RDS and Aurora only: elsewhere
-- the last statement is refused (MySQL: 1524, the plugin is not loaded; MariaDB: 1396), so it has not been tested.
--
--   mysql --host=… --user=… --password openl2m < read_only_user_iam.mysql.sql
--
-- To remove it: ALTER USER openl2m_stats IDENTIFIED BY '…' REQUIRE NONE;

-- The token that replaces the password is as valuable as one, and is sent as it is: never without TLS.
ALTER USER openl2m_stats REQUIRE SSL;
ALTER USER openl2m_stats IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS';
