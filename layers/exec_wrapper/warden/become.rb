# Puts the values of a secret into the environment of a runtime, and becomes that runtime. Ruby 3.1 and later.
#
# exec_wrapper runs it as: become.rb PROCESS PIPE ENDPOINT REGION COMMAND…
# PROCESS has in /proc the environment that Lambda gave, and ends when PIPE is closed.
require "json"
require "net/http"
require "openssl"

MARKER = "{{warden}}"
DEADLINE = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 8 # Lambda gives 10 s for the whole start
TRY_SECONDS = 3
TRANSIENT = %w[Throttling ThrottlingException TooManyRequestsException RequestLimitExceeded].freeze

# Why the secret cannot be read, for a person.
class NotReadable < StandardError; end

def main(process, pipe, endpoint, region, *command)
  variables = File.binread("/proc/#{process}/environ").split("\0").grep(/=/n).to_h { |entry| entry.split("=", 2) }
  IO.for_fd(Integer(pipe)).close
  Process.wait(Integer(process))
  arn, following = variables.values_at("WARDEN_SECRET", "WARDEN_NEXT_WRAPPER")
  %w[WARDEN_SECRET WARDEN_NEXT_WRAPPER AWS_LAMBDA_EXEC_WRAPPER].each { |name| variables.delete(name) }
  variables["AWS_LAMBDA_EXEC_WRAPPER"] = following unless following.to_s.empty?

  moved = variables.select { |_, value| value == MARKER }.keys
  variables.update(values(moved, arn.to_s, variables, endpoint, region)) unless moved.empty?
  begin
    exec(variables, [command[0], command[0]], *command.drop(1), unsetenv_others: true)
  rescue SystemCallError => e
    fail_with("#{command[0]} cannot be started: #{e.class.new.message}")
  end
end

# The moved variables with their values.
def values(moved, arn, variables, endpoint, region)
  fail_with("#{moved.join(", ")} cannot be set: there is no WARDEN_SECRET") if arn.empty?
  begin
    secret = read_secret(arn, endpoint, region, variables)
  rescue NotReadable => e
    fail_with("#{arn} cannot be read: #{e.message}")
  end
  missing = moved - secret.keys
  unfit = (moved - missing).reject { |name| fits?(secret[name]) }
  [[missing, "no value of this name"], [unfit, "no text that fits a variable"]].each do |names, why|
    fail_with("#{names.sort.join(", ")} cannot be set: #{arn} has #{why}") unless names.empty?
  end
  secret.slice(*moved)
end

def fits?(value)
  value.is_a?(String) && value.valid_encoding? && !value.include?("\0")
end

# GetSecretValue (AWS Secrets Manager API reference); the secret's JSON object.
def read_secret(arn, endpoint, region, variables)
  bundle = variables["AWS_CA_BUNDLE"]
  raise NotReadable, "AWS_CA_BUNDLE names no file: #{bundle}" if bundle && !File.file?(bundle)

  keys = credentials(variables)
  body = JSON.generate(SecretId: arn)
  answer = insist("POST", endpoint, body, bundle) { |url| signed(url, body, region, keys) }
  document(answer["SecretString"]) or raise NotReadable, "its value is not a JSON object"
end

# The access key, the secret key and the session token.
def credentials(variables)
  keys = variables.values_at("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
  uri = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].to_s
  if keys[0].nil? && !uri.empty?
    answer = insist("GET", uri) { { "authorization" => variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"].to_s } }
    keys = answer.values_at("AccessKeyId", "SecretAccessKey", "Token")
  end
  raise NotReadable, "the function has no credentials" if keys.take(2).any? { |key| key.to_s.empty? }

  keys
end

# The headers of a request signed with Signature Version 4 (IAM user guide, "Create a signed request").
def signed(url, body, region, keys)
  access_key, secret_key, token = keys
  date = Time.now.utc.strftime("%Y%m%dT%H%M%SZ")
  headers = { "content-type" => "application/x-amz-json-1.1", "host" => host(url), "x-amz-date" => date }
  headers["x-amz-security-token"] = token unless token.to_s.empty?
  headers["x-amz-target"] = "secretsmanager.GetSecretValue"
  names = headers.keys.join(";")
  lines = ["POST", path(url), "", *headers.map { |header| header.join(":") }, "", names, sha256(body)]
  scope = [date[0, 8], region, "secretsmanager", "aws4_request"]
  to_sign = ["AWS4-HMAC-SHA256", date, scope.join("/"), sha256(lines.join("\n"))].join("\n")
  key = [*scope, to_sign].reduce("AWS4#{secret_key}") { |made, part| OpenSSL::HMAC.digest("SHA256", made, part) }
  credential = [access_key, *scope].join("/")
  proof = "Credential=#{credential}, SignedHeaders=#{names}, Signature=#{key.unpack1("H*")}"
  headers.merge("authorization" => "AWS4-HMAC-SHA256 #{proof}")
end

def sha256(text)
  OpenSSL::Digest::SHA256.hexdigest(text)
end

def host(url)
  url.port == url.default_port ? url.host : "#{url.host}:#{url.port}"
end

def path(url)
  url.path.empty? ? "/" : url.path
end

# The JSON object that is answered with status 200; what may go better a moment later is tried again.
def insist(method, text, body = nil, bundle = nil)
  url = endpoint_url(text)
  pause = 0.1
  loop do
    begin
      status, answer = exchange(method, url, yield(url), body, bundle)
      found = document(answer) || {}
      return found if status == 200

      code = (found["__type"] || "HTTP status #{status}").split("#").last
      cause = [code, found["message"] || found["Message"]].compact.join(": ")
      raise NotReadable, cause unless status >= 500 || status == 429 || TRANSIENT.include?(code)
    rescue SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::OpenSSLError, Net::ProtocolError,
           Net::HTTPBadResponse => e
      cause = "no answer from #{text}: #{e.message}"
      raise NotReadable, cause if e.message.include?("certificate") # what is wrong with one stays wrong
    end
    wait = pause * (0.5 + rand / 2) # not every execution environment at the same moment
    raise NotReadable, "#{cause} (tried for 8 s)" if now + wait > DEADLINE

    sleep(wait)
    pause = [pause * 2, 1.6].min
  end
end

def endpoint_url(text)
  url = URI.parse(text)
  return url if url.is_a?(URI::HTTP) && url.host

  raise URI::InvalidURIError
rescue URI::InvalidURIError
  raise NotReadable, "its endpoint #{text} is no URL with http or https"
end

# The status and the body of one request.
def exchange(method, url, headers, body, bundle)
  connection = Net::HTTP.new(url.hostname, url.port, nil)
  connection.use_ssl = url.scheme == "https"
  connection.ca_file = bundle if bundle
  connection.max_retries = 0
  Timeout.timeout([[TRY_SECONDS, DEADLINE - now].min, 0.01].max, Timeout::Error, "it took too long") do
    answer = connection.start { connection.send_request(method, path(url), body, headers) }
    # Net::HTTP takes half a body for a whole one.
    raise EOFError, "the connection was closed" if answer.content_length.to_i > answer.body.to_s.bytesize

    [answer.code.to_i, answer.body]
  end
end

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

# A JSON object, nil for anything else. What is wrong with it is not told: that could show a value.
def document(text)
  found = JSON.parse(text.to_s.dup.force_encoding(Encoding::UTF_8))
  found if found.is_a?(Hash)
rescue JSON::ParserError
  nil
end

# Ends with one line in the function's log.
def fail_with(sentence)
  line = "lambda-warden: #{sentence}".dup.force_encoding(Encoding::UTF_8).scrub.gsub(/[[:cntrl:]]/, " ")
  $stderr.puts(line[0, 300])
  exit!(1)
end

begin
  main(*ARGV)
rescue StandardError => e # whatever it is, its text could hold a value
  fail_with("the runtime cannot be started: #{e.class}")
end
