// The classic service that userd is measured beside: Gin in front of PostgreSQL and Redis, or of SQLite. The same paths, the same members, and durable
// writes; far fewer checks. `-seed N` makes N users and `-sessions` sessions of the first one, and prints "user ID" and "session ACCESS REFRESH" lines.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt"
	"github.com/google/uuid"
)

var errNotFound, errConflict = errors.New("not found"), errors.New("conflict")

type user struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// What a request needs to know of its caller: Redis holds it.
type session struct {
	ID, UserID, Email, Name, Role string
}

// A database whose writes are durable when they return.
type store interface {
	addUsers(ctx context.Context, users []user) error
	user(ctx context.Context, id string) (*user, error)
	addSession(ctx context.Context, s *session, secret []byte, expires time.Time) error
	session(ctx context.Context, id string) (*session, error)
	// Puts a new secret in the place of the current one; another one than that ends the session.
	rotate(ctx context.Context, id string, old, secret []byte, expires time.Time) (*session, error)
}

const accessLifetime, sessionLifetime = time.Hour, 30 * 24 * time.Hour

var signingKey = []byte("a key of thirty-two bytes for it")

type claims struct {
	Session string `json:"sid"`
	Role    string `json:"role"`
	jwt.StandardClaims
}

func accessToken(s *session) (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims{s.ID, s.Role, jwt.StandardClaims{
		Subject: s.UserID, IssuedAt: now.Unix(), ExpiresAt: now.Add(accessLifetime).Unix()}}).SignedString(signingKey)
}

// The second half of a refresh token, and its hash, which is all that is stored.
func newSecret() (string, []byte) {
	bytes := make([]byte, 32)
	if _, err := rand.Read(bytes); err != nil {
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString(bytes)
	hash := sha256.Sum256([]byte(text))
	return text, hash[:]
}

func newUser(email, name, role string) user {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return user{uuid.NewString(), email, name, role, now, now}
}

type service struct{ store store }

func (v *service) fail(c *gin.Context, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, errNotFound) {
		status = http.StatusNotFound
	} else if errors.Is(err, errConflict) {
		status = http.StatusConflict
	}
	c.AbortWithStatusJSON(status, gin.H{"error": http.StatusText(status)})
}

func (v *service) authenticate(c *gin.Context) {
	var held claims
	parser := jwt.Parser{ValidMethods: []string{"HS256"}}
	header := c.GetHeader("Authorization")
	if strings.HasPrefix(header, "Bearer ") {
		if _, err := parser.ParseWithClaims(header[7:], &held, func(*jwt.Token) (interface{}, error) { return signingKey, nil }); err == nil {
			if s, err := v.store.session(c.Request.Context(), held.Session); err == nil {
				c.Set("session", s)
				return
			}
		}
	}
	c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "unauthorized"})
}

func administrator(c *gin.Context) {
	if c.MustGet("session").(*session).Role != "admin" {
		c.AbortWithStatusJSON(http.StatusForbidden, gin.H{"error": "forbidden"})
	}
}

func (v *service) me(c *gin.Context) {
	s := c.MustGet("session").(*session)
	c.JSON(http.StatusOK, gin.H{"id": s.UserID, "email": s.Email, "name": s.Name, "role": s.Role})
}

func (v *service) getUser(c *gin.Context) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		v.fail(c, errNotFound)
		return
	}
	if found, err := v.store.user(c.Request.Context(), id.String()); err != nil {
		v.fail(c, err)
	} else {
		c.JSON(http.StatusOK, found)
	}
}

func (v *service) createUser(c *gin.Context) {
	var asked struct {
		Email string `json:"email" binding:"required,email"`
		Name  string `json:"name" binding:"required"`
	}
	if err := c.ShouldBindJSON(&asked); err != nil {
		c.AbortWithStatusJSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	made := newUser(strings.ToLower(asked.Email), asked.Name, "user")
	if err := v.store.addUsers(c.Request.Context(), []user{made}); err != nil {
		v.fail(c, err)
		return
	}
	c.Header("Location", "/api/v1/users/"+made.ID)
	c.JSON(http.StatusCreated, made)
}

func (v *service) refresh(c *gin.Context) {
	var asked struct {
		Token string `json:"refreshToken" binding:"required"`
	}
	if err := c.ShouldBindJSON(&asked); err != nil {
		c.AbortWithStatusJSON(http.StatusBadRequest, gin.H{"error": err.Error()})
		return
	}
	cut := strings.IndexByte(asked.Token, '.')
	if cut < 0 {
		v.fail(c, errNotFound)
		return
	}
	old := sha256.Sum256([]byte(asked.Token[cut+1:]))
	text, hash := newSecret()
	s, err := v.store.rotate(c.Request.Context(), asked.Token[:cut], old[:], hash, time.Now().Add(sessionLifetime))
	if err != nil {
		v.fail(c, err)
		return
	}
	token, err := accessToken(s)
	if err != nil {
		v.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"token": token, "refreshToken": s.ID + "." + text, "tokenType": "Bearer", "expiresIn": int(accessLifetime.Seconds())})
}

func (v *service) seed(ctx context.Context, count, sessions int) error {
	out := bufio.NewWriter(os.Stdout)
	var first user
	for made := 0; made < count; {
		var part []user
		for ; len(part) < 1000 && made < count; made++ {
			role := "user"
			if made == 0 {
				role = "admin"
			}
			part = append(part, newUser(fmt.Sprintf("person%07d@example.org", made), fmt.Sprintf("Ann Example %07d", made), role))
			fmt.Fprintln(out, "user", part[len(part)-1].ID)
		}
		if made <= 1000 {
			first = part[0]
		}
		if err := v.store.addUsers(ctx, part); err != nil {
			return err
		}
	}
	for ; sessions > 0; sessions-- {
		s := &session{uuid.NewString(), first.ID, first.Email, first.Name, first.Role}
		text, hash := newSecret()
		if err := v.store.addSession(ctx, s, hash, time.Now().Add(sessionLifetime)); err != nil {
			return err
		}
		token, err := accessToken(s)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "session %s %s.%s\n", token, s.ID, text)
	}
	return out.Flush()
}

func main() {
	address := flag.String("listen", "127.0.0.1:8081", "where to listen")
	postgres := flag.String("postgres", "", "a PostgreSQL connection string; needs -redis")
	redis := flag.String("redis", "", "the path of Redis's socket")
	sqlite := flag.String("sqlite", "", "a SQLite file")
	seed := flag.Int("seed", 0, "make so many users, print them, and end")
	sessions := flag.Int("sessions", 128, "and so many sessions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var opened store
	var err error
	if *postgres != "" {
		opened, err = openPostgres(ctx, *postgres, *redis)
	} else {
		opened, err = openSQLite(*sqlite)
	}
	if err != nil {
		log.Fatal(err)
	}
	v := &service{opened}
	if *seed > 0 {
		if err := v.seed(ctx, *seed, *sessions); err != nil {
			log.Fatal(err)
		}
		return
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(gin.Recovery())
	engine.GET("/livez", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	engine.POST("/api/auth/refresh", v.refresh)
	known := engine.Group("/", v.authenticate)
	known.GET("/api/auth/me", v.me)
	known.GET("/api/v1/users/:id", administrator, v.getUser)
	known.POST("/api/v1/users", administrator, v.createUser)
	server := &http.Server{Addr: *address, Handler: engine, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}
