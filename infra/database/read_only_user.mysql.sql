-- The database user of the statistics, on MySQL and MariaDB. It may read what is counted and nothing else:
-- no token's key, no SNMP community, no device password.
--
-- Put a password of your own, in quotes, in place of CHANGE-ME: until then, the script stops there and makes nothing.
-- Then, as an administrator of OpenL2M's database:
--   mysql --host=… --user=… --password openl2m < read_only_user.mysql.sql
-- Run it again after an upgrade: what is there stays, the password included.
--
-- To remove it: DROP USER openl2m_stats;

-- Each container of the function holds a connection. The limit leaves OpenL2M its own; with an RDS Proxy, or with
-- ReservedConcurrency above 15, raise it.
CREATE USER IF NOT EXISTS openl2m_stats IDENTIFIED BY CHANGE-ME WITH MAX_USER_CONNECTIONS 20;

-- make docs: begin grants
GRANT SELECT (id) ON switches_switch TO `openl2m_stats`;
GRANT SELECT (switchgroup_id) ON switches_switchgroupmembership TO `openl2m_stats`;
GRANT SELECT (id) ON switches_vlan TO `openl2m_stats`;
GRANT SELECT (id) ON switches_vlangroup TO `openl2m_stats`;
GRANT SELECT (id) ON switches_snmpprofile TO `openl2m_stats`;
GRANT SELECT (id) ON switches_netmikoprofile TO `openl2m_stats`;
GRANT SELECT (id) ON switches_command TO `openl2m_stats`;
GRANT SELECT (id) ON switches_commandlist TO `openl2m_stats`;
GRANT SELECT (id) ON users_token TO `openl2m_stats`;
GRANT SELECT (timestamp, type, switch_id, user_id, action) ON switches_log TO `openl2m_stats`;
GRANT SELECT (name, value) ON counters_counter TO `openl2m_stats`;
-- make docs: end
