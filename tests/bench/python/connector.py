"""A client of Zoho CRM as one writes it first: tokens from Secrets Manager with boto3, renewed near their end, one deal read, and the
fields that an agent asks for. Nothing else is done of what the connector does."""

import hashlib
import hmac
import json
import os
import time

import boto3
import urllib3

SERVICE_KEY = os.environ["SERVICE_KEY"]
ACCOUNTS_URL = os.environ["ACCOUNTS_URL"]
API_URL = os.environ["API_URL"]
FIELDS = ["id", "Deal_Name", "Stage", "Contact_Name", "Amount", "Closing_Date", "Description"]


class ZohoCRMClient:
    """Loads the tokens once, and renews the access token near its end."""

    def __init__(self):
        secrets = boto3.client("secretsmanager")
        answer = secrets.get_secret_value(SecretId=os.environ["SECRET_ID"])
        self.tokens = json.loads(answer["SecretString"])
        self.pool = urllib3.PoolManager()
        self.access_token = None
        self.renew_at = 0.0

    def token(self):
        if time.time() < self.renew_at:
            return self.access_token
        fields = {name: self.tokens[name] for name in ("client_id", "client_secret", "refresh_token")}
        response = self.pool.request_encode_body(
            "POST",
            f"{ACCOUNTS_URL}/oauth/v2/token",
            fields={**fields, "grant_type": "refresh_token"},
            encode_multipart=False,
        )
        answer = response.json()
        self.access_token = answer["access_token"]
        self.renew_at = time.time() + answer.get("expires_in", 3600) - 60
        return self.access_token

    def get_deal(self, deal_id):
        headers = {"authorization": f"Zoho-oauthtoken {self.token()}"}
        response = self.pool.request("GET", f"{API_URL}/crm/v8/Deals/{deal_id}", headers=headers)
        if response.status != 200:
            raise RuntimeError(f"Zoho answered {response.status}")
        deal = response.json()["data"][0]
        return {field: deal.get(field) for field in FIELDS}


crm = ZohoCRMClient()


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def handler(event, _context):
    given = digest(event["headers"].get("authorization", ""))
    if not hmac.compare_digest(given, digest(f"Bearer {SERVICE_KEY}")):
        return {"statusCode": 401, "body": "{}"}
    deal = crm.get_deal(event["rawPath"].rsplit("/", 1)[1])
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(deal)}
