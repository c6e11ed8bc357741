// Users and sessions in PostgreSQL, and the sessions that requests ask for in Redis before it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const connections = 25

const postgresSchema = `
CREATE TABLE IF NOT EXISTS users (id uuid PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, role text NOT NULL,
  created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES users(id), secret bytea NOT NULL,
  expires_at timestamptz NOT NULL, ended boolean NOT NULL DEFAULT false) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS sessions_user ON sessions(user_id);`

type postgresStore struct {
	rows  *pgxpool.Pool
	cache *redis.Pool
}

func openPostgres(ctx context.Context, connection, socket string) (store, error) {
	config, err := pgxpool.ParseConfig(connection)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = connections, connections
	rows, err := pgxpool.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := rows.Exec(ctx, postgresSchema); err != nil {
		return nil, err
	}
	cache := &redis.Pool{MaxIdle: connections, MaxActive: connections, Wait: true, DialContext: func(ctx context.Context) (redis.Conn, error) {
		return redis.DialContext(ctx, "unix", socket)
	}}
	s := &postgresStore{rows, cache}
	_, err = s.redis(ctx, "PING")
	return s, err
}

func (p *postgresStore) redis(ctx context.Context, command string, arguments ...interface{}) (interface{}, error) {
	c, err := p.cache.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Do(command, arguments...)
}

func (p *postgresStore) keep(ctx context.Context, s *session) error {
	text, err := json.Marshal(s)
	if err == nil {
		_, err = p.redis(ctx, "SET", "session:"+s.ID, text, "EX", int(sessionLifetime.Seconds()))
	}
	return err
}

func (p *postgresStore) addUsers(ctx context.Context, users []user) error {
	const insert = `INSERT INTO users (id,email,name,role,created_at,updated_at) VALUES ($1,$2,$3,$4,$5,$6)`
	var err error
	if u := users[0]; len(users) == 1 {
		_, err = p.rows.Exec(ctx, insert, u.ID, u.Email, u.Name, u.Role, u.CreatedAt, u.UpdatedAt)
	} else {
		var batch pgx.Batch
		for _, u := range users {
			batch.Queue(insert, u.ID, u.Email, u.Name, u.Role, u.CreatedAt, u.UpdatedAt)
		}
		err = p.rows.BeginFunc(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &batch).Close() })
	}
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == "23505" {
		return errConflict
	}
	return err
}

func found(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return errNotFound
	}
	return err
}

func (p *postgresStore) user(ctx context.Context, id string) (*user, error) {
	var u user
	err := p.rows.QueryRow(ctx, `SELECT id::text,email,name,role,created_at,updated_at FROM users WHERE id=$1`, id).Scan(
		&u.ID, &u.Email, &u.Name, &u.Role, &u.CreatedAt, &u.UpdatedAt)
	return &u, found(err)
}

func (p *postgresStore) addSession(ctx context.Context, s *session, secret []byte, expires time.Time) error {
	if _, err := p.rows.Exec(ctx, `INSERT INTO sessions (id,user_id,secret,expires_at) VALUES ($1,$2,$3,$4)`, s.ID, s.UserID, secret, expires); err != nil {
		return err
	}
	return p.keep(ctx, s)
}

func (p *postgresStore) session(ctx context.Context, id string) (*session, error) {
	s := session{ID: id}
	if text, err := redis.Bytes(p.redis(ctx, "GET", "session:"+id)); err == nil && json.Unmarshal(text, &s) == nil {
		return &s, nil
	}
	err := p.rows.QueryRow(ctx, `SELECT u.id::text,u.email,u.name,u.role FROM sessions s JOIN users u ON u.id=s.user_id
		WHERE s.id=$1 AND NOT s.ended AND s.expires_at>now()`, id).Scan(&s.UserID, &s.Email, &s.Name, &s.Role)
	if err != nil {
		return nil, found(err)
	}
	return &s, p.keep(ctx, &s)
}

func (p *postgresStore) rotate(ctx context.Context, id string, old, secret []byte, expires time.Time) (*session, error) {
	s := session{ID: id}
	err := p.rows.QueryRow(ctx, `UPDATE sessions s SET secret=$3, expires_at=$4 FROM users u
		WHERE s.id=$1 AND s.secret=$2 AND NOT s.ended AND s.expires_at>now() AND u.id=s.user_id
		RETURNING u.id::text,u.email,u.name,u.role`, id, old, secret, expires).Scan(&s.UserID, &s.Email, &s.Name, &s.Role)
	if err == nil {
		return &s, p.keep(ctx, &s)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := p.rows.Exec(ctx, `UPDATE sessions SET ended=true WHERE id=$1`, id); err != nil {
			return nil, err
		}
		_, _ = p.redis(ctx, "DEL", "session:"+id)
	}
	return nil, found(err)
}
