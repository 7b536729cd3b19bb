// The statements, by hand. They are named, so that PostgreSQL prepares each once per connection.
import pg from "pg";

// RFC 3339 with all six decimals, for a session in UTC; a Date would have three.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.replace(" ", "T")}:00`);
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  options: `${process.env.PGOPTIONS} -c timezone=UTC`,
});

// The profile is joined: it has exactly one row per user.
const COLUMNS = "u.id, u.username, u.name, u.email, p.bio, p.website";
const USERS = `
  SELECT ${COLUMNS} FROM accounts_user u JOIN accounts_profile p ON p.user_id = u.id`;
const FOUND = "(u.username ILIKE $1 OR u.name ILIKE $1 OR u.email ILIKE $1)";

const STATEMENTS = {
  user: `${USERS} WHERE u.id = $1`,
  session: `
    ${USERS} JOIN authentication_session s ON s.user_id = u.id
    WHERE s.id = $1 AND s.expires_at > now() AND u.is_active`,
  firstUsers: `${USERS} ORDER BY u.id LIMIT $1`,
  usersAfter: `${USERS} WHERE u.id > $1 ORDER BY u.id LIMIT $2`,
  firstFound: `${USERS} WHERE ${FOUND} ORDER BY u.id LIMIT $2`,
  foundAfter: `${USERS} WHERE ${FOUND} AND u.id > $2 ORDER BY u.id LIMIT $3`,
  count: "SELECT count(*)::int AS number FROM accounts_user",
  countFound: `SELECT count(*)::int AS number FROM accounts_user u WHERE ${FOUND}`,
  groups: `
    SELECT m.user_id, g.name FROM accounts_user_groups m JOIN auth_group g ON g.id = m.group_id
    WHERE m.user_id = ANY($1)`,
  organization: "SELECT id FROM organizations_organization WHERE id = $1",
  members: `
    SELECT m.role, m.created_at, ${COLUMNS} FROM organizations_membership m
    JOIN accounts_user u ON u.id = m.user_id JOIN accounts_profile p ON p.user_id = u.id
    WHERE m.organization_id = $1 ORDER BY m.created_at, m.id LIMIT $2`,
  changeBio: "UPDATE accounts_profile SET bio = $2 WHERE user_id = $1 RETURNING bio, website",
  createUser: `
    WITH u AS (
      INSERT INTO accounts_user (
        id, username, email, name, password, is_active, is_staff, is_superuser, is_public,
        date_joined, second_factors
      )
      VALUES (uuidv7(), $1, $2, $3, $4, true, false, false, false, now(), '{}')
      RETURNING id, username, name, email
    ), p AS (
      INSERT INTO accounts_profile (user_id, bio, website, locale, time_zone)
      SELECT id, '', '', 'en', 'UTC' FROM u RETURNING user_id, bio, website
    ), l AS (
      INSERT INTO accounts_lastseen (user_id) SELECT id FROM u
    )
    SELECT ${COLUMNS} FROM u JOIN p ON p.user_id = u.id`,
};

/** Return the rows of a statement. */
export async function rows(name, ...values) {
  return (await pool.query({ name, text: STATEMENTS[name], values })).rows;
}

/** Return the first row of a statement, or null. */
export async function row(name, ...values) {
  return (await rows(name, ...values))[0] ?? null;
}

/** Return the pattern of a text for ILIKE. */
export function pattern(text) {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}
