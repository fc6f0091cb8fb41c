/* Asks Sentinel for the license, checks it and prints it, one line of JSON. POSIX, OpenSSL 3; cc license.c -lcrypto */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SOFTWARE_ID "web"
/* your org_public_key.pem */
static const char VENDOR_KEY[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEla9oy3WKaSea5YJoqIjKiheXWdPE\n"
    "bFC6iFavK+6r6+HZzvjibzSUWOzXCAmyuCYDNyhupbU19+ex5OsF63J64w==\n"
    "-----END PUBLIC KEY-----\n";

static void fail(const char *why) {
  fprintf(stderr, "no license: %s\n", why);
  exit(1);
}

/* Sends one line and returns one. */
static char *ask(const char *request) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct timeval timeout = {.tv_sec = 65};
  const char *path = getenv("SENTINEL_IPC_SOCKET");
  int sentinel = socket(AF_UNIX, SOCK_STREAM, 0);
  size_t size = 0;
  char *line = NULL;
  FILE *answers;

  if (path == NULL || strlen(path) >= sizeof address.sun_path) fail("SENTINEL_IPC_SOCKET is not set");
  strcpy(address.sun_path, path);
  if (sentinel < 0 || connect(sentinel, (struct sockaddr *)&address, sizeof address) != 0)
    fail("cannot connect to sentinel");
  setsockopt(sentinel, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (write(sentinel, request, strlen(request)) != (ssize_t)strlen(request) ||
      (answers = fdopen(sentinel, "r")) == NULL || getline(&line, &size, answers) < 0)
    fail("sentinel does not answer");
  fclose(answers);
  return line;
}

/* The text behind `name`, up to the next quote; aborts without one. */
static char *value(const char *text, const char *name) {
  const char *at = strstr(text, name);
  if (at == NULL) fail("the answer has no proof");
  return strndup(at + strlen(name), strcspn(at + strlen(name), "\""));
}

/* Decodes base64url; the bytes are followed by a NUL. */
static unsigned char *decode(const char *text, size_t *size) {
  size_t length = strlen(text), padded = (length + 3) / 4 * 4;
  unsigned char *base64 = memset(malloc(padded + 1), '=', padded), *bytes = calloc(padded + 1, 1);
  for (size_t i = 0; i < length; i++)
    base64[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : (unsigned char)text[i];
  if (EVP_DecodeBlock(bytes, base64, (int)padded) < 0) fail("the answer is malformed");
  *size = length * 3 / 4;
  return bytes;
}

/* Verifies the signed object of this name in the answer; returns its payload. */
static char *open_signed(const char *answer, const char *name) {
  const char *object = strstr(answer, name);
  char *payload = value(object ? object : "", "\"payload\":\"");
  size_t sig_size, size;
  unsigned char *sig = decode(value(object, "\"sig\":\""), &sig_size);
  EVP_PKEY *key = PEM_read_bio_PUBKEY(BIO_new_mem_buf(VENDOR_KEY, -1), NULL, NULL, NULL);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
      EVP_DigestVerify(context, sig, sig_size, (unsigned char *)payload, strlen(payload)) != 1)
    fail("not signed by the vendor");
  return (char *)decode(payload, &size);
}

static void expect(const char *payload, const char *name, const char *expected) {
  if (strcmp(value(payload, name), expected) != 0) fail(name);
}

int main(void) {
  unsigned char b[16];
  char nonce[37], request[128], today[11], *answer, *license, *confirmed;
  time_t now = time(NULL);

  if (RAND_bytes(b, sizeof b) != 1) fail("no random bytes");
  snprintf(nonce, sizeof nonce, "%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x%02x", b[0],
           b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11], b[12], b[13], b[14],
           b[15]);
  snprintf(request, sizeof request,
           "{\"method\":\"get_license\",\"params\":{\"proof\":true,\"nonce\":\"%s\"}}\n", nonce);
  answer = ask(request);
  license = open_signed(answer, "\"envelope\":{");
  expect(license, "\"software_id\":\"", SOFTWARE_ID);
  strftime(today, sizeof today, "%Y-%m-%d", gmtime(&now));
  if (strcmp(value(license, "\"expiry_date\":\""), today) < 0) fail("it has expired");
  if (strstr(answer, "\"answer\":{") == NULL) {
    /* how long to go on without an answer is your decision */
    fprintf(stderr, "the license server did not answer: %s\n", value(answer, "\"reason\":\""));
  } else {
    confirmed = open_signed(answer, "\"answer\":{");
    expect(confirmed, "\"request_nonce\":\"", nonce);
    expect(confirmed, "\"status\":\"", "ACTIVE");
    expect(confirmed, "\"license_key\":\"", value(license, "\"license_key\":\""));
    expect(confirmed, "\"machine_id\":\"", value(answer, "\"machine_id\":\""));
  }
  puts(license);
  return 0;
}
