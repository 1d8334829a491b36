-- IAM authentication in place of the password for the user of read_only_user.mysql.sql, which comes first.
-- The function logs in that way when its secret has no "password"; its roles need the right to: docs/deploy.md tells how.
-- The database must have IAM authentication switched on. The plugin exists on RDS and Aurora only: elsewhere
-- the last statement is refused (MySQL: 1524, the plugin is not loaded; MariaDB: 1396), and so it could only be
-- tried that far.
--
--   mysql --host=… --user=… --password openl2m < read_only_user_iam.mysql.sql
--
-- To take it away: ALTER USER openl2m_stats IDENTIFIED BY 'CHANGE-ME' REQUIRE NONE;

-- What stands for the password is worth as much as one, and is sent as it is: never without TLS.
ALTER USER openl2m_stats REQUIRE SSL;
ALTER USER openl2m_stats IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS';
