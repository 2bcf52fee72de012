/** Which webhooks a sample asks for: every one, then or only the named one. */
export interface Sample {
  language: "curl" | "JavaScript" | "Python" | "TypeScript";
  name: string;
  /** As the contract's document has it. */
  text: string;
  /** How many webhooks each of its requests is for, when two match. */
  webhookCounts: number[];
}

export const SAMPLES: readonly Sample[] = [
  {
    language: "curl",
    name: "retry all",
    webhookCounts: [2],
    text: `curl -X POST https://api.baanx.com/v1/webhooks/events/550e8400-e29b-41d4-a716-446655440000/retry \\
  -H "Authorization: Bearer YOUR_ACCESS_TOKEN"`,
  },
  {
    language: "curl",
    name: "retry a specific webhook",
    webhookCounts: [1],
    text: `curl -X POST https://api.baanx.com/v1/webhooks/events/550e8400-e29b-41d4-a716-446655440000/retry \\
  -H "Authorization: Bearer YOUR_ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "webhookId": "770e8400-e29b-41d4-a716-446655440002"
  }'`,
  },
  {
    language: "JavaScript",
    name: "fetch, all and one",
    webhookCounts: [2, 1],
    text: `const eventId = '550e8400-e29b-41d4-a716-446655440000';

// Retry to all webhooks
const response = await fetch(
  \`https://api.baanx.com/v1/webhooks/events/\${eventId}/retry\`,
  {
    method: 'POST',
    headers: {
      'Authorization': 'Bearer YOUR_ACCESS_TOKEN'
    }
  }
);

// Or retry to a specific webhook
const responseSpecific = await fetch(
  \`https://api.baanx.com/v1/webhooks/events/\${eventId}/retry\`,
  {
    method: 'POST',
    headers: {
      'Authorization': 'Bearer YOUR_ACCESS_TOKEN',
      'Content-Type': 'application/json'
    },
    body: JSON.stringify({
      webhookId: '770e8400-e29b-41d4-a716-446655440002'
    })
  }
);

const data = await responseSpecific.json();
console.log(data);`,
  },
  {
    language: "Python",
    name: "requests, all and one",
    webhookCounts: [2, 1],
    text: `import requests

event_id = "550e8400-e29b-41d4-a716-446655440000"
url = f"https://api.baanx.com/v1/webhooks/events/{event_id}/retry"
headers = {
    "Authorization": "Bearer YOUR_ACCESS_TOKEN",
    "Content-Type": "application/json"
}

# Retry to all webhooks (empty body)
response = requests.post(url, headers=headers, json={})

# Or retry to a specific webhook
response = requests.post(url, headers=headers, json={
    "webhookId": "770e8400-e29b-41d4-a716-446655440002"
})

print(response.json())`,
  },
  {
    language: "TypeScript",
    name: "a typed function",
    webhookCounts: [2],
    text: `interface RetryEventRequest {
  webhookId?: string;
}

const retryEvent = async (eventId: string, options: RetryEventRequest = {}) => {
  const response = await fetch(
    \`https://api.baanx.com/v1/webhooks/events/\${eventId}/retry\`,
    {
      method: 'POST',
      headers: {
        'Authorization': 'Bearer YOUR_ACCESS_TOKEN',
        'Content-Type': 'application/json'
      },
      body: JSON.stringify(options)
    }
  );

  if (!response.ok) {
    throw new Error(\`HTTP error! status: \${response.status}\`);
  }

  return await response.json();
};`,
  },
];

/** The answer that the document shows. */
export const EXAMPLE = {
  success: true,
  data: {
    eventId: "550e8400-e29b-41d4-a716-446655440000",
    webhookCount: 2,
    message: "Event queued for retry to 2 webhook(s)",
  },
};

/** The ids that the samples name. */
export const SAMPLE_IDS = {
  event: "550e8400-e29b-41d4-a716-446655440000",
  webhook: "770e8400-e29b-41d4-a716-446655440002",
};
