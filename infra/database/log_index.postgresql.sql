-- The two indexes that make the statistics faster on a large log, on PostgreSQL: with a million entries they take
-- less than half the time. The numbers are the same without. Below 100,000 entries nobody needs the indexes.
--
-- They cost 76 to 81 bytes an entry together (a million: 80 MB) and, as far as could be measured, no time when
-- OpenL2M writes one. They are built while OpenL2M goes on reading and writing. OpenL2M's own migrations neither
-- need nor remove them.
--
-- As the owner of OpenL2M's tables, and not inside a transaction:
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=log_index.postgresql.sql
--
-- An administrator who is not the owner, such as RDS's master user, runs it as a member of the owner's role:
-- GRANT <owner> TO CURRENT_USER; before, REVOKE <owner> FROM CURRENT_USER; after.
--
-- The functions look for them whenever they connect.
-- If it is interrupted, it leaves an index that is kept up to date and never used: take both away and start again.
--
-- To take them away: DROP INDEX CONCURRENTLY IF EXISTS openl2m_stats_switch; DROP INDEX CONCURRENTLY IF EXISTS openl2m_stats_type;

CREATE INDEX CONCURRENTLY openl2m_stats_type ON switches_log (type, timestamp, action, user_id, switch_id);
CREATE INDEX CONCURRENTLY openl2m_stats_switch ON switches_log (switch_id, timestamp);
-- PostgreSQL reads an index without the table only where a VACUUM has been since the last change.
VACUUM (ANALYZE) switches_log;
