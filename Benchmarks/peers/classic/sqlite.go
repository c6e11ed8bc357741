// Users and sessions in SQLite: one writer, readers beside it, every statement prepared once, each commit flushed.
package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mattn/go-sqlite3"
)

const sqliteSchema = `
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id), secret BLOB NOT NULL,
  expires_at INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_user ON sessions(user_id);`

type sqliteStore struct {
	writer                                  *sql.DB
	insertUser, insertSession, replace, end *sql.Stmt
	selectUser, selectSession               *sql.Stmt
}

// Statements take no context: with one this driver starts a goroutine for each of them.
func openSQLite(path string) (store, error) {
	name := "file:" + path + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=1&_cache_size=-65536"
	writer, err := sql.Open("sqlite3", name+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	if _, err := writer.Exec(sqliteSchema); err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite3", name+"&_query_only=1&_mutex=no")
	if err != nil {
		return nil, err
	}
	readers.SetMaxOpenConns(connections)
	readers.SetMaxIdleConns(connections)
	s := &sqliteStore{writer: writer}
	for _, statement := range []struct {
		place **sql.Stmt
		on    *sql.DB
		text  string
	}{
		{&s.insertUser, writer, `INSERT INTO users (id,email,name,role,created_at,updated_at) VALUES (?,?,?,?,?,?)`},
		{&s.insertSession, writer, `INSERT INTO sessions (id,user_id,secret,expires_at) VALUES (?,?,?,?)`},
		{&s.replace, writer, `UPDATE sessions SET secret=?3, expires_at=?4 WHERE id=?1 AND secret=?2 AND ended=0 AND expires_at>?5`},
		{&s.end, writer, `UPDATE sessions SET ended=1 WHERE id=?`},
		{&s.selectUser, readers, `SELECT id,email,name,role,created_at,updated_at FROM users WHERE id=?`},
		{&s.selectSession, readers, `SELECT u.id,u.email,u.name,u.role FROM sessions s JOIN users u ON u.id=s.user_id
			WHERE s.id=? AND s.ended=0 AND s.expires_at>?`},
	} {
		if *statement.place, err = statement.on.Prepare(statement.text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sqliteStore) addUsers(_ context.Context, users []user) error {
	insert := func(statement *sql.Stmt, u user) error {
		_, err := statement.Exec(u.ID, u.Email, u.Name, u.Role, u.CreatedAt.UnixMicro(), u.UpdatedAt.UnixMicro())
		var refusal sqlite3.Error
		if errors.As(err, &refusal) && refusal.Code == sqlite3.ErrConstraint {
			return errConflict
		}
		return err
	}
	if len(users) == 1 {
		return insert(s.insertUser, users[0])
	}
	tx, err := s.writer.Begin()
	if err != nil {
		return err
	}
	for _, u := range users {
		if err := insert(tx.Stmt(s.insertUser), u); err != nil {
			_ = tx.Rollback()
			return err
		}
	}
	return tx.Commit()
}

func row(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return errNotFound
	}
	return err
}

func (s *sqliteStore) user(_ context.Context, id string) (*user, error) {
	var u user
	var created, updated int64
	err := s.selectUser.QueryRow(id).Scan(&u.ID, &u.Email, &u.Name, &u.Role, &created, &updated)
	u.CreatedAt, u.UpdatedAt = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return &u, row(err)
}

func (s *sqliteStore) addSession(_ context.Context, v *session, secret []byte, expires time.Time) error {
	_, err := s.insertSession.Exec(v.ID, v.UserID, secret, expires.Unix())
	return err
}

func (s *sqliteStore) session(_ context.Context, id string) (*session, error) {
	v := session{ID: id}
	err := s.selectSession.QueryRow(id, time.Now().Unix()).Scan(&v.UserID, &v.Email, &v.Name, &v.Role)
	return &v, row(err)
}

func (s *sqliteStore) rotate(ctx context.Context, id string, old, secret []byte, expires time.Time) (*session, error) {
	done, err := s.replace.Exec(id, old, secret, expires.Unix(), time.Now().Unix())
	if err != nil {
		return nil, err
	}
	if changed, err := done.RowsAffected(); err != nil {
		return nil, err
	} else if changed == 0 {
		_, err := s.end.Exec(id)
		if err == nil {
			err = errNotFound
		}
		return nil, err
	}
	return s.session(ctx, id)
}
